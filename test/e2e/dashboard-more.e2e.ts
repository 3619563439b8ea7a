import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DashboardWorld, openDashboard, PATIENCE_MS } from "./support/dashboard-world.ts";

const opened = new AsyncDisposableStack();
let dashboard: DashboardWorld;
let page: Page;

beforeAll(async () => {
  dashboard = await openDashboard(opened);
  page = dashboard.window.page;
});
afterAll(() => opened.disposeAsync());

const eventually = (look: () => unknown) => expect.poll(look, { timeout: PATIENCE_MS });
const openFiles = (path: string) => page.goto(`/vms/${dashboard.vm.id}?tab=files&path=${path}`);
const file = (name: string) => page.getByRole("button", { name, exact: true });
const dialog = () => page.getByRole("dialog");
const button = (name: string) => page.getByRole("button", { name, exact: true });

/** Looks at the page by an expression. */
const look = (expression: string) => page.evaluate<unknown>(expression);

/** Chooses from a row's menu. */
async function choose(row: string, item: string): Promise<void> {
  await page.getByRole("button", { name: `More for ${row}`, exact: true }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

/** Answers the question that is open. */
async function answer(label: string, text: string, verb: string): Promise<void> {
  await dialog().getByLabel(label).fill(text);
  await dialog().getByRole("button", { name: verb, exact: true }).click();
  await dialog().waitFor({ state: "detached" });
}

/** A folder of this machine: a file, one in a folder below, and a picture. */
async function makeFolder(): Promise<string> {
  const folder = join(dashboard.world.dir, "site");
  await mkdir(join(folder, "deep/er"), { recursive: true });
  await writeFile(join(folder, "top.txt"), "top\n");
  await writeFile(join(folder, "deep/er/low.txt"), "low\n");
  await writeFile(join(folder, "dot.png"), Buffer.from(PICTURE, "base64"));
  return folder;
}
/** One red pixel. */
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

test("a folder is uploaded as it is, by the chooser and by a drop", async () => {
  const { vm } = dashboard;
  await vm.files.mkdir("/up");
  await openFiles("/up");
  await page.getByLabel("Folder to upload").setInputFiles(await makeFolder());
  await page.getByText("3 uploaded to /up.").waitFor();
  await file("site").click();
  await file("deep").waitFor();
  expect(await vm.files.readText("/up/site/deep/er/low.txt")).toBe("low\n");
  await page.evaluate(DROP);
  await page.getByText("3 uploaded to /up/site.").waitFor();
  expect(await vm.files.readText("/up/site/dropped/in/side.txt")).toBe("inside");
  expect(await vm.files.readText("/up/site/loose.txt")).toBe("loose");
  expect(await vm.files.list("/up/site/dropped")).toMatchObject([{ name: "empty" }, { name: "in" }]);
});

/** Drops a file and a folder, as the desktop does: folders have entries instead of files. */
const DROP = `(() => {
  const file = (name, text) => ({ isFile: true, isDirectory: false, name, file: (done) => done(new File([text], name)) });
  const folder = (name, ...all) => ({
    isFile: false, isDirectory: true, name,
    createReader: () => {
      const rest = [all, []];
      return { readEntries: (done) => done(rest.shift()) };
    },
  });
  const dropped = folder("dropped", folder("in", file("side.txt", "inside")), folder("empty"));
  const items = [dropped, file("loose.txt", "loose")].map((entry) => ({ webkitGetAsEntry: () => entry }));
  const event = new Event("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: { items } });
  document.querySelector(".drop").dispatchEvent(event);
})()`;

test("files are renamed, made, given permissions and deleted", async () => {
  const { vm } = dashboard;
  await openFiles("/up/site");
  await choose("top.txt", "Rename or move");
  await answer("Name or path", "deep/moved.txt", "Rename");
  await file("top.txt").waitFor({ state: "detached" });
  expect(await vm.files.readText("/up/site/deep/moved.txt")).toBe("top\n");
  await choose("loose.txt", "Permissions");
  await answer("Mode", "0640", "Set");
  await page.getByText("rw-r-----").waitFor();
  await choose("loose.txt", "Delete");
  await dialog().getByRole("button", { name: "Delete" }).click();
  await file("loose.txt").waitFor({ state: "detached" });
  await choose("dropped", "Delete");
  await dialog().getByRole("button", { name: "Delete" }).click();
  await file("dropped").waitFor({ state: "detached" });
  await button("New folder").click();
  await answer("Name", "made", "Create");
  await file("made").click();
  await button("New file").click();
  await answer("Name", "empty.txt", "Create");
  await file("empty.txt").waitFor();
  expect((await vm.files.list("/up/site")).map(({ name }) => name)).toEqual(["deep", "dot.png", "made"]);
});

test("a folder is downloaded as a tar, and a picture is shown", async () => {
  await openFiles("/up/site");
  await page.getByRole("button", { name: "More for deep" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download as tar" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("deep.tar");
  const tar = await download.path();
  expect(execFileSync("tar", ["-xOf", tar, "--wildcards", "*low.txt"], { encoding: "utf8" })).toBe("low\n");
  await file("dot.png").click();
  await eventually(() => look("document.querySelector(\"img[alt='dot.png']\")?.naturalWidth")).toBe(1);
});

test("a row's menu is opened, gone through and left by keyboard", async () => {
  await page.goto("/");
  const more = page.getByRole("button", { name: "More for box" });
  await more.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Stop" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await eventually(() => look("document.activeElement?.role")).toBe("menuitem");
  await page.keyboard.press("Escape");
  await page.getByRole("menuitem", { name: "Stop" }).waitFor({ state: "detached" });
  await eventually(() => look("document.activeElement?.ariaLabel")).toBe("More for box");
});

test("the palette finds pages, VMs and commands, without a hand on the mouse", async () => {
  const ask = async (text: string) => {
    await page.keyboard.press("Control+K");
    const search = page.getByRole("textbox", { name: "Search", exact: true });
    await search.fill(text);
    await page.locator(".mantine-Spotlight-action").first().waitFor();
    await page.keyboard.press("Enter");
    await search.waitFor({ state: "detached" });
  };
  await ask("snapsh");
  await page.waitForURL("**/snapshots");
  await ask(dashboard.vm.id);
  await page.waitForURL(`**/vms/${dashboard.vm.id}`);
  await ask("create a");
  await dialog().getByRole("combobox", { name: "Image" }).waitFor();
  await eventually(() => look("document.activeElement?.getAttribute('aria-expanded')")).toBe("true");
  await page.keyboard.press("Escape"); // the images that are known
  await page.keyboard.press("Escape"); // the dialog
  await dialog().waitFor({ state: "detached" });
});

test("a machine that is off every network has its own dashboard all the same", async () => {
  await page.goto("/");
  await page.evaluate("window.dispatchEvent(new Event('offline'))");
  await page.getByRole("link", { name: "System" }).click();
  await page.getByText(/^BandSox \d/).waitFor({ timeout: 20_000 });
});

test("a snapshot is renamed and described; its VM is rolled back to it; it is deleted", async () => {
  const { vm } = dashboard;
  await vm.files.writeText("/tmp/state", "before");
  await vm.snapshot({ name: "then" });
  await vm.files.writeText("/tmp/state", "after");
  await page.goto("/snapshots");
  await choose("then", "Rename");
  await answer("Name", "back-then", "Rename");
  await choose("back-then", "Metadata");
  await dialog().getByRole("button", { name: "Add" }).click();
  await dialog().getByLabel("Entries: key 1").fill("kept");
  await dialog().getByLabel("Entries: value 1").fill("for 3 days");
  await dialog().getByRole("button", { name: "Save" }).click();
  await dialog().waitFor({ state: "detached" });
  const known = async () => (await dashboard.world.bandsox.snapshots.list())[0];
  expect(await known()).toMatchObject({ name: "back-then", metadata: { kept: "for 3 days" } });
  await page.goto(`/vms/${vm.id}`);
  await button("More").click();
  await page.getByRole("menuitem", { name: "Roll back" }).click();
  await dialog().getByRole("combobox", { name: "Snapshot" }).click();
  await page.getByRole("option", { name: /^back-then/ }).click();
  await dialog().getByRole("button", { name: "Roll back" }).click();
  await page.getByText("box is what it was.").waitFor();
  expect(await vm.files.readText("/tmp/state")).toBe("before");
  await page.goto("/snapshots");
  await choose("back-then", "Delete");
  await dialog().getByRole("button", { name: "Delete" }).click();
  await page.getByText("No snapshots yet").waitFor();
});

test("VMs are found by metadata and by state, and several are stopped at once", async () => {
  const { world, vm } = dashboard;
  const { image } = await vm.info();
  const options = { name: "other", memMib: 128, metadata: { team: "b", port: 80 } };
  const other = await world.bandsox.createVm(image, options);
  const rows = () => look("[...document.querySelectorAll('[data-vm]')].map((row) => row.dataset.vm)");
  await page.goto("/");
  await eventually(rows).toEqual([other.id, vm.id]);
  const search = page.getByLabel("Search VMs");
  await page.keyboard.press("/");
  await page.keyboard.type("team=a");
  await eventually(rows).toEqual([vm.id]);
  await search.fill("port=80");
  await eventually(rows).toEqual([other.id]);
  await page.keyboard.press("Escape");
  await other.pause();
  await page.getByRole("combobox", { name: "States" }).click();
  await page.getByRole("option", { name: "paused" }).click();
  await eventually(rows).toEqual([other.id]);
  await page.getByRole("option", { name: "running" }).click();
  await page.keyboard.press("Escape");
  await eventually(rows).toEqual([other.id, vm.id]);
  await page.getByLabel("Choose all that are shown").check();
  await page.getByRole("button", { name: "Stop (2)" }).click();
  await dialog().getByRole("button", { name: "Stop" }).click();
  await page.getByText("stop: 2 done.").waitFor();
  const states = async () => (await world.bandsox.listVms()).map(({ state }) => state);
  expect(await states()).toEqual(["stopped", "stopped"]);
});

test("the files of a VM that does not run are read, and cannot be changed", async () => {
  await openFiles("/up/site");
  await page.getByText("its files are read from its disks, and cannot be changed").waitFor();
  await file("deep").click();
  await file("moved.txt").click();
  await page.getByText("top", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Close the file" }).click();
  expect(await page.getByRole("button", { name: "New folder" }).count()).toBe(0);
  await page.getByRole("button", { name: "More for moved.txt" }).click();
  expect(await page.getByRole("menuitem").allTextContents()).toEqual(["Download"]);
});

test("that the server is gone is said, and what happened meanwhile is shown once it is back", async () => {
  const { server, world, vm, window } = dashboard;
  await page.goto("/");
  await page.locator(`[data-vm="${vm.id}"] [data-state="stopped"]`).waitFor();
  await server.stop();
  await page.getByTestId("connection-lost").waitFor();
  await (await world.bandsox.getVm(vm.id)).start();
  await server.start();
  await page.getByTestId("connection-lost").waitFor({ state: "detached" });
  await page.locator(`[data-vm="${vm.id}"] [data-state="running"]`).waitFor();
  expect(window.troubles).toEqual([]);
});
