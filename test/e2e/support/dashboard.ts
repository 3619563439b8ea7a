import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { source as axeSource } from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { expect } from "vitest";
import type { World } from "./world.ts";

/** Where a run's screenshots are put, to be looked at. */
const SCREENSHOTS = resolve(import.meta.dirname, "../../../build/screenshots");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const STARTED = /at (http:\/\/127\.0\.0\.1:\d+)/;

/** `bandsox serve` on a world's storage, as a process of its own that can be ended and started again. */
export interface DashboardServer extends AsyncDisposable {
  readonly url: string;
  readonly password: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts the server, with a password. */
export async function openServer(world: World): Promise<DashboardServer> {
  const { password } = JSON.parse((await world.cli("auth", "init", "--json")).stdout) as { password: string };
  let running = await serve(world, "0");
  const { url } = running;
  const stop = async () => {
    running.process.kill("SIGTERM");
    await running.ended;
  };
  const start = async () => {
    running = await serve(world, new URL(url).port);
  };
  return { url, password, stop, start, [Symbol.asyncDispose]: stop };
}

async function serve(world: World, port: string) {
  const child = world.start("serve", "--port", port);
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  let said = "";
  const url = await new Promise<string>((found, failed) => {
    const read = (chunk: Buffer) => {
      said += chunk;
      const at = STARTED.exec(said)?.[1];
      if (at) found(at);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    void ended.then(() => failed(new Error(`the server ended: ${said}`)));
  });
  return { process: child, url, ended };
}

/** A browser of the test's own. */
export async function openBrowser(world: World): Promise<Browser & AsyncDisposable> {
  const browser = await chromium.launch({
    ...{ executablePath: "/usr/bin/chromium", args: FLAGS, env: { ...process.env, HOME: world.dir } },
  });
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() });
}

/** A window on the dashboard, and what went wrong in it. */
export interface DashboardWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the content security policy refused, what was thrown, and which dialogs a script opened */
  readonly troubles: string[];
}

export async function openWindow(
  browser: Browser,
  server: DashboardServer,
  look: BrowserContextOptions = {},
): Promise<DashboardWindow> {
  const context = await browser.newContext({ baseURL: server.url, acceptDownloads: true, ...look });
  const troubles: string[] = [];
  await context.exposeBinding("tellRefused", (_, what: string) => void troubles.push(`refused: ${what}`));
  await context.addInitScript(`document.addEventListener("securitypolicyviolation",
    (event) => window.tellRefused(event.violatedDirective + " " + event.blockedURI));`);
  const page = await context.newPage();
  page.on("pageerror", ({ message }) => troubles.push(`thrown: ${message}`));
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, context, troubles };
}

/** Logs in as a person does. */
export async function logIn({ page }: DashboardWindow, { password }: DashboardServer): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("Administrator's password").first().fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "VMs", level: 1 }).waitFor();
}

/** Asserts that nothing serious keeps anybody from using a page, and keeps a picture of it. */
export async function inspect({ page }: DashboardWindow, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  await page.evaluate(axeSource);
  const found = await page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
    `axe.run(document, { exclude: [".xterm"] }).then(({ violations }) => violations)`,
  );
  const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`),
  ).toEqual([]);
}
