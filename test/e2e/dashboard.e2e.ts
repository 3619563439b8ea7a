import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BandSox } from "bandsox";
import type { Browser, Response } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type DashboardServer,
  type DashboardWindow,
  inspect,
  logIn,
  openBrowser,
  openServer,
  openWindow,
} from "./support/dashboard.ts";
import { scrollCost } from "./support/scroll-cost.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

/** Machines are emulated, and shared with others: what takes a moment elsewhere may take this long. */
const PATIENCE_MS = 120_000;

const opened = new AsyncDisposableStack();
let world: World;
let server: DashboardServer;
let browser: Browser;
let window: DashboardWindow;
let vmId: string;

beforeAll(async () => {
  world = opened.use(await openWorld());
  server = opened.use(await openServer(world));
  browser = opened.use(await openBrowser(world));
  window = await openWindow(browser, server);
  window.page.setDefaultTimeout(PATIENCE_MS);
});
afterAll(() => opened.disposeAsync());

const { poll } = expect;
const eventually = (look: () => unknown) => poll(look, { timeout: PATIENCE_MS });
const openTab = (tab: string, more = "") => window.page.goto(`/vms/${vmId}?tab=${tab}${more}`);

test("who is not known is asked to log in, and then comes to what they wanted", async () => {
  const { page } = window;
  await page.goto("/snapshots");
  await page.waitForURL(/\/login\?next=/);
  await page.getByLabel("Administrator's password").first().fill("not this");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("This is not the password.").waitFor();
  await page.getByLabel("Administrator's password").first().fill(server.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Snapshots", level: 1 }).waitFor();
});

test("a VM is created from a local image, and what is on the way is told", async () => {
  const { page } = window;
  await page.goto("/");
  await page.getByRole("button", { name: "Create the first VM" }).click();
  await page.getByRole("combobox", { name: "Image" }).fill(`dir:${await busyboxRoot(world.dir)}`);
  await page.getByRole("textbox", { name: "Name" }).fill("box");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL(/\/vms\/vm_/, { timeout: PATIENCE_MS });
  vmId = new URL(page.url()).pathname.split("/").at(-1)!;
  await page.locator('[data-state="running"]').first().waitFor();
  await page.getByRole("heading", { name: "How it came up" }).waitFor();
});

test("charts move as the guest is looked at", async () => {
  const cpu = window.page.getByTestId("chart-CPU");
  await openTab("overview");
  await eventually(() => cpu.textContent()).toMatch(/\d+ %/);
});

const screen = () => window.page.locator(".xterm-rows").first().textContent();
const type = async (line: string) => {
  await window.page.locator(".xterm-helper-textarea").first().focus();
  await window.page.keyboard.type(`${line}\n`);
};

test("what is typed into a terminal is answered, also after the server was restarted", async () => {
  const { page } = window;
  await openTab("terminal");
  await page.locator('[data-attach="attached"]').waitFor();
  await type("echo $((6*7))-before");
  await eventually(screen).toContain("42-before");
  await server.stop();
  await page.getByTestId("connection-lost").waitFor();
  await server.start();
  await page.getByTestId("connection-lost").waitFor({ state: "detached" });
  await page.locator('[data-attach="attached"]').waitFor();
  await type("echo $((6*7))-after");
  await eventually(screen).toContain("42-after");
  expect((await screen())!.match(/42-before/g)).toHaveLength(1);
});

test("a file is uploaded, changed, and downloaded as it is then", async () => {
  const { page } = window;
  await openTab("files", "&path=/tmp");
  const notes = join(world.dir, "notes.txt");
  await writeFile(notes, "one\n");
  await page.getByLabel("Files to upload").setInputFiles(notes);
  await page.getByRole("button", { name: "notes.txt", exact: true }).click();
  const editor = page.getByRole("textbox", { name: "Text of notes.txt" });
  await editor.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("two");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("notes.txt is saved.").waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  expect(await readFile(await download.path(), "utf8")).toBe("one\ntwo");
});

const HOSTILE_NAMES = [
  "<img src=x onerror=alert(1)>.txt",
  "<svg onload=alert(2)>",
  `"onmouseover="alert(3)`,
  "'-alert(4)-'",
];
const HOSTILE_DOCUMENT = [
  "# Hello\n\n<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>",
  "[link](javascript:alert(4)) <a href='javascript:alert(5)'>raw</a> <iframe src='https://example.org'></iframe>",
  "![track](https://example.org/pixel.png) ![also](//example.org/p.png) <style>body{display:none}</style>",
  "<form action='https://example.org'><input name=a></form>\n\n```js\nconst shown = 1;\n```\n",
].join("\n\n");

test("file names and Markdown full of scripts run nothing, and nothing is even tried", async () => {
  const { page, troubles } = window;
  const vm = await world.bandsox.getVm(vmId);
  for (const name of HOSTILE_NAMES) await vm.files.write(`/hostile/${name}`, "x", { parents: true });
  await vm.files.write("/hostile/README.md", HOSTILE_DOCUMENT);
  await openTab("files", "&path=/hostile");
  for (const name of HOSTILE_NAMES) await page.getByText(name, { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "README.md", exact: true }).click();
  await page.locator(".markdown .hljs-keyword").waitFor();
  await page.getByText("link", { exact: true }).first().click();
  expect(await page.locator(".markdown :is(script, iframe, style, form, svg, img)").count()).toBe(0);
  expect(troubles).toEqual([]);
});

test("a VM is saved, restored and forked", async () => {
  const { page } = window;
  await openTab("overview");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Snapshot" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("first");
  await page.getByRole("button", { name: "Take snapshot" }).click();
  await page.getByText("box is saved.").waitFor();
  await page.goto("/snapshots");
  await page.getByRole("button", { name: "More for first" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Export" }).click(),
  ]);
  await page.getByLabel("File of a snapshot").setInputFiles(await download.path());
  await page.getByText(/^snap_\w+ is imported\.$/).waitFor();
  const saved = page.locator("[data-snapshot]").filter({ has: page.getByText("first", { exact: true }) });
  await saved.getByRole("button", { name: "Restore" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("again");
  await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
  await page.getByText("1 made from first.").waitFor();
  await openTab("overview");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Fork" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Fork" }).click();
  await page.getByText("1 of 1 made from box.").waitFor();
  await page.goto("/");
  await eventually(() => page.locator("[data-vm]").count()).toBe(3);
});

test("several VMs are deleted at once, and the list follows what others do", async () => {
  const { page } = window;
  await page.getByLabel("Search VMs").fill("again");
  await page.getByLabel("Choose all that are shown").check();
  await page.getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Search VMs").fill("");
  await eventually(() => page.locator("[data-vm]").count()).toBe(2);
  await (await world.bandsox.getVm(vmId)).pause();
  await page.locator(`[data-vm="${vmId}"] [data-state="paused"]`).waitFor();
  await page.getByRole("button", { name: "Resume box" }).click();
  await page.locator(`[data-vm="${vmId}"] [data-state="running"]`).waitFor();
});

test("a key is shown once, makes as many VMs as it may, and is worth nothing once it is revoked", async () => {
  const { page } = window;
  await page.goto("/keys");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("robot");
  await page.getByRole("dialog").getByLabel("VMs").fill("0");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  const key = (await page.getByTestId("new-key").textContent())!;
  const call = async () =>
    (await fetch(`${server.url}/api/vms`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await call()).toBe(200);
  const made = new BandSox(server.url, { apiKey: key }).createVm("box");
  await expect(made).rejects.toMatchObject({ code: "limit_reached" });
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("row", { name: /robot.*0 VMs/ }).waitFor();
  await page.getByRole("row", { name: /robot/ }).getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("robot is revoked.").waitFor();
  expect(await call()).toBe(401);
});

test("of 500 VMs only those in sight are in the page, each is drawn once, and the last is reached", async () => {
  const { page } = window;
  const [one] = (await (await window.context.request.get("/api/vms")).json()) as Record<string, unknown>[];
  const many = Array.from({ length: 500 }, (_, index) => ({
    ...one,
    ...{ id: `vm_${String(index).padStart(12, "0")}`, name: `many-${index}`, created_at: 2e9 - index },
  }));
  await page.route(/\/api\/vms$/, (route) => route.fulfill({ json: many }));
  await page.goto("/");
  await page.getByText("500 shown").waitFor();
  const rows = await page.locator("[data-vm]").count();
  expect(rows).toBeLessThan(32);
  expect(await page.locator("[data-vm] *").count()).toBeLessThan(24 * rows);
  const { added, touched, frames, late, mainMs } = await scrollCost(browser, page, "VMs");
  expect(added.length).toBeGreaterThan(300);
  expect(new Set(added).size).toBe(added.length);
  expect(touched).toBe(0);
  const cost = `${frames} frames, ${late} late, main thread ${mainMs.p50} ms a frame, 95 % within ${mainMs.p95} ms`;
  process.stderr.write(`scrolling 500 VMs: ${cost}\n`);
  await page.getByLabel("VMs", { exact: true }).hover();
  await page.mouse.wheel(0, 1_000_000);
  await page.getByText("many-499", { exact: true }).waitFor();
  await page.unroute(/\/api\/vms$/);
});

test("the first page takes at most 350 kB, compressed, and fetches nothing from elsewhere", async () => {
  const { page, context } = await openWindow(browser, server, {
    storageState: await window.context.storageState(),
  });
  const answers: Response[] = [];
  page.on("response", (response) => void answers.push(response));
  await page.goto("/");
  await page.locator("[data-vm]").first().waitFor();
  expect(answers.filter((answer) => !answer.url().startsWith(`${server.url}/`))).toEqual([]);
  const files = answers.filter((answer) => /\.(js|css)$|\/$/.test(answer.url()));
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await file.body()).length));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(350_000);
  await context.close();
});

test("the addresses of the first BandSox lead to the pages of this one", async () => {
  const { page } = window;
  await page.goto(`/vm_details?id=${vmId}`);
  await page.waitForURL(`**/vms/${vmId}`);
  await page.goto(`/markdown_viewer?vm_id=${vmId}&path=/hostile/README.md`);
  await page.locator(".markdown").waitFor();
  await page.goto(`/terminal?id=${vmId}`);
  await page.locator('[data-attach="attached"]').waitFor();
});

const LOOKS = {
  "dark-desktop": { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  "light-desktop": { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  "dark-phone": { colorScheme: "dark", viewport: { width: 390, height: 844 }, hasTouch: true },
  "light-phone": { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true },
} as const;
const PAGES = {
  ...{ home: "/", create: "/?create=1", snapshots: "/snapshots", images: "/images", keys: "/keys" },
  ...{ system: "/system", settings: "/settings", overview: "overview", files: "files&path=/hostile" },
  ...{ markdown: "files&view=/hostile/README.md", editor: "files&view=/tmp/notes.txt" },
  ...{ terminal: "terminal", run: "exec", processes: "processes", console: "console", events: "events" },
};

test.for(Object.keys(LOOKS) as (keyof typeof LOOKS)[])(
  "%s: every page can be used by everybody",
  { timeout: 5 * PATIENCE_MS },
  async (look) => {
    const looking = await openWindow(browser, server, LOOKS[look]);
    looking.page.setDefaultTimeout(PATIENCE_MS);
    await looking.page.goto("/login");
    await looking.page.getByRole("button", { name: "Log in" }).waitFor();
    await inspect(looking, `login-${look}`);
    await logIn(looking, server);
    for (const [name, place] of Object.entries(PAGES)) {
      await looking.page.goto(place.startsWith("/") ? place : `/vms/${vmId}?tab=${place}`);
      await looking.page.waitForLoadState("networkidle", { timeout: 5000 }).catch(() => {}); // charts never rest
      await looking.page.locator("h1").first().waitFor();
      await inspect(looking, `${name}-${look}`);
    }
    expect(looking.troubles).toEqual([]);
    await looking.context.close();
  },
);
