import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { logIn, openBrowser, openServer, openWindow } from "../e2e/support/dashboard.ts";
import { openWorld } from "../e2e/support/world.ts";
import { makePythonRoot } from "../support/python-root.ts";

const PICTURES = resolve(import.meta.dirname, "../../docs/images");
const IMAGE = "python:3-alpine";
const LOOK = { colorScheme: "dark", viewport: { width: 1180, height: 640 } } as const;
/** Takes its time: some of it computing, some of it writing, more and more of it resting. */
const WORK = `
import time
for turn in range(14):
    end = time.monotonic() + 1.4 - turn / 10
    while time.monotonic() < end: sum(range(1000))
    open(f"/work/{turn}", "wb").write(bytes(200_000 * (turn % 5)))
    time.sleep(0.6 + turn / 10)
`;
const isAsked = process.env.BANDSOX_SCREENSHOTS === "1";

test.runIf(isAsked)("the README's pictures show the dashboard as it is", { timeout: 240_000 }, async () => {
  await using world = await openWorld();
  const root = join(world.dir, "root");
  makePythonRoot(root);
  const config = { env: { PATH: "/usr/bin:/bin" } };
  await world.bandsox.images.import(`dir:${root}`, IMAGE, { config });
  const make = (name: string, team: string) =>
    world.bandsox.createVm(IMAGE, { name, memMib: 256, diskSizeMib: 512, metadata: { team } });
  const agent = await make("agent-research", "agents");
  await agent.files.write("/work/plan.md", "# Plan\n\n1. Read the data.\n2. Plot it.\n", { parents: true });
  await agent.snapshot({ name: "research-ready" });
  await agent.fork({ count: 2 });
  await (await make("ci-runner-7", "ci")).pause();
  await (await make("lesson-3", "teaching")).stop();
  await using server = await openServer(world);
  await using browser = await openBrowser(world);
  const window = await openWindow(browser, server, LOOK);
  const { page } = window;
  await mkdir(PICTURES, { recursive: true });
  await logIn(window, server);
  await page.getByText("lesson-3").first().waitFor();
  await picture(page, "dashboard-vms");
  await page.goto(`/vms/${agent.id}?tab=terminal`);
  await page.locator('[data-attach="attached"]').first().waitFor();
  await page.locator(".xterm").first().click();
  const screen = () => page.locator(".xterm-rows").first().textContent();
  const prompt = (count: number) => ({ asymmetricMatch: (text: string) => text.split("/ #").length > count });
  await expect.poll(screen, { timeout: 30_000 }).toEqual(prompt(1));
  await page.keyboard.type('python3 -c "print(sum(n * n for n in range(1000)))"\n');
  await expect.poll(screen, { timeout: 30_000 }).toEqual(prompt(2));
  await page.keyboard.type("ls -l /work\n");
  await expect.poll(screen, { timeout: 30_000 }).toEqual(prompt(3));
  await picture(page, "dashboard-terminal");
  await page.goto(`/vms/${agent.id}?tab=overview`);
  await agent.exec(["python3", "-c", WORK]); // the charts show something once it is over
  await picture(page, "dashboard-vm");
  expect(window.troubles).toEqual([]);
});

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: "disabled" });
}
