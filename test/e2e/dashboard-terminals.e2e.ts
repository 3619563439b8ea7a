import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DashboardWorld, openDashboard, PATIENCE_MS } from "./support/dashboard-world.ts";

/** What an interactive shell runs as it comes up. */
const SHELL_SETUP = "/etc/shell-setup";

const opened = new AsyncDisposableStack();
let dashboard: DashboardWorld;
let page: Page;

beforeAll(async () => {
  dashboard = await openDashboard(opened, { env: { ENV: SHELL_SETUP } });
  page = dashboard.window.page;
});
afterAll(() => opened.disposeAsync());

const eventually = (look: () => unknown) => expect.poll(look, { timeout: PATIENCE_MS });
const panes = (on = page) => on.locator('[data-attach="attached"]');
const screen = (pane: Locator) => pane.locator(".xterm-rows").textContent();
const openTerminals = (on = page) => on.goto(`/vms/${dashboard.vm.id}?tab=terminal`);

async function type(pane: Locator, line: string): Promise<void> {
  await pane.locator(".xterm-helper-textarea").focus();
  await pane.page().keyboard.type(`${line}\n`);
}

/** Ends every shell there is, for a test to begin with none. */
async function endAll(): Promise<void> {
  for (const session of await dashboard.vm.sessions.list()) {
    await (await dashboard.vm.sessions.get(session.id)).delete();
  }
}

test("the panes of a split are shells of their own, and one of them can be ended", async () => {
  await openTerminals();
  await panes().waitFor();
  await page.getByRole("button", { name: "Split" }).click();
  await eventually(() => panes().count()).toBe(2);
  await type(panes().nth(0), "echo left-$((6*7))");
  await type(panes().nth(1), "echo right-$((6*7))");
  await eventually(() => screen(panes().nth(0))).toContain("left-42");
  await eventually(() => screen(panes().nth(1))).toContain("right-42");
  expect(await screen(panes().nth(0))).not.toContain("right-");
  await page.getByRole("button", { name: "End this shell" }).click();
  await eventually(() => panes().count()).toBe(1);
  await type(panes(), "echo still-$((6*7))");
  await eventually(() => screen(panes())).toContain("still-42");
});

test("two windows on a shell see the same, and each types into it; so does a page of its own", async () => {
  const { context } = dashboard.window;
  const other = await context.newPage();
  await openTerminals(other);
  await eventually(() => screen(panes(other))).toContain("still-42");
  await type(panes(other), "echo from-the-other-$((6*7))");
  await eventually(() => screen(panes())).toContain("from-the-other-42");
  const [own] = await Promise.all([
    context.waitForEvent("page"),
    other.getByRole("button", { name: "Open on a page of its own" }).click(),
  ]);
  await eventually(() => screen(panes(own))).toContain("from-the-other-42");
  await type(panes(own), "echo from-its-own-$((6*7))");
  await eventually(() => screen(panes())).toContain("from-its-own-42");
  await eventually(() => screen(panes(other))).toContain("from-its-own-42");
  await Promise.all([own.close(), other.close()]);
});

const clipboard = () => page.evaluate<string>("navigator.clipboard.readText()");

test("what has scrolled away is found, and what is found is copied", async () => {
  const pane = panes();
  await type(pane, "echo needle-$((6*7)); for i in $(busybox seq 200); do echo line-$i; done");
  await eventually(() => screen(pane)).toContain("line-200");
  expect(await screen(pane)).not.toContain("needle-42");
  await page.keyboard.press("Control+Shift+F");
  await page.getByRole("textbox", { name: "Search the terminal" }).fill("needle-42");
  await eventually(() => screen(pane)).toContain("needle-42");
  await page.keyboard.press("Escape");
  await page.getByRole("textbox", { name: "Search the terminal" }).waitFor({ state: "detached" });
  await page.keyboard.press("Control+Shift+C");
  await eventually(clipboard).toBe("needle-42");
  await type(pane, "echo typed-$((6*7))");
  await eventually(() => screen(pane)).toContain("typed-42");
});

const LINES = Array.from({ length: 160 }, (_, index) => `${index} ${"é€x".repeat(12)} ${index}`);

test("kilobytes are pasted as they are, and a screen of them is copied as it is", async () => {
  const pane = panes();
  const text = `${LINES.join("\n")}\n`;
  await type(pane, "cat >/tmp/pasted");
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await page.keyboard.press("Control+Shift+V");
  await eventually(() => screen(pane)).toContain(LINES.at(-1));
  await page.keyboard.press("Control+D");
  await eventually(() => dashboard.vm.files.readText("/tmp/pasted")).toBe(text);
  await type(pane, "clear; cat /tmp/pasted; echo shown-$((6*7))");
  // What is on the screen until then is the paste; a drag while the rows move selects some of that too.
  await eventually(() => screen(pane)).toContain("shown-42");
  const rows = (await pane.locator(".xterm-screen").boundingBox())!;
  await page.mouse.move(rows.x + 2, rows.y + 4);
  await page.mouse.down();
  await page.mouse.move(rows.x + rows.width - 4, rows.y + rows.height / 2, { steps: 4 });
  await page.mouse.move(rows.x + rows.width - 4, rows.y + rows.height - 4, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.press("Control+Shift+C");
  await eventually(clipboard).toContain(LINES.at(-1));
  const copied = (await clipboard()).split("\n").filter((line) => LINES.includes(line));
  expect(copied.length).toBeGreaterThan(10);
  expect(copied).toEqual(LINES.slice(-copied.length));
});

/** Asks what the terminal is and where the cursor is; shows the key it gets, asks once more, and shows the answer. */
const ASKING = String.raw`stty raw -echo
printf 'asked\033[6n\033[c key='
busybox dd bs=1 count=1 2>/dev/null | cat -v
printf ' told=\033[6n'
busybox dd bs=1 count=7 2>/dev/null | cat -v
sleep 1000`;

test("a terminal answers what it is asked, but not what was asked before it was there", async () => {
  await endAll();
  const session = await dashboard.vm.sessions.start(["sh", "-c", ASKING], {
    ...{ stdin: true, terminal: { cols: 80, rows: 24 } },
  });
  await eventually(async () => (await session.info()).stdout.to).toBeGreaterThan(10);
  await openTerminals();
  await eventually(() => screen(panes())).toContain("asked key=");
  await panes().locator(".xterm-helper-textarea").focus();
  await page.keyboard.type("x");
  await eventually(() => screen(panes())).toMatch(/told=.*R/);
  expect(await screen(panes())).toMatch(/^asked key=x told=\^\[\[1;18R\s*$/);
});

test("the first to see a new shell answers what it asks as it comes up", async () => {
  await endAll();
  const asking = String.raw`stty raw -echo
printf 'asked\033[5n told='
busybox dd bs=1 count=4 2>/dev/null | cat -v
stty sane`;
  await dashboard.vm.files.writeText(SHELL_SETUP, asking);
  await openTerminals();
  await eventually(() => screen(panes())).toContain("asked told=^[[0n");
  await page.reload();
  await eventually(() => screen(panes())).toContain("asked told=^[[0n");
  await type(panes(), "echo clean-$((6*7))");
  await eventually(() => screen(panes())).toContain("clean-42");
  expect((await screen(panes()))!.match(/\[0n/g)).toHaveLength(1);
  expect(dashboard.window.troubles).toEqual([]);
});
