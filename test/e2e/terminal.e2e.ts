import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTmux, type TmuxScreen } from "./support/tmux-screen.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const BANDSOX = resolve(import.meta.dirname, "../../bandsox");
const MEBIBYTE = 1024 * 1024;
const PATIENCE = { timeout: 60_000, interval: 100 };

let world: World;
let image: string;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
  vm = await world.bandsox.createVm(image, { name: "box", memMib: 256 });
});
afterAll(() => world[Symbol.asyncDispose]());

const inGuest = async (command: string) => (await vm.exec(command)).stdout.trim();
const sleepers = () => inGuest("busybox ps | busybox grep -c ' /bin/[s]leep [12]000'");
const md5 = (bytes: Uint8Array | string) => createHash("md5").update(bytes).digest("hex");

/** A terminal of a person's, on which `bandsox` is this one on this storage. */
async function person(): Promise<TmuxScreen> {
  const screen = await openTmux(world.dir, { env: { BANDSOX_STORAGE: world.storage } });
  await line(screen, `bandsox() { '${BANDSOX}' "$@"; }; clear`);
  return screen;
}

async function line(screen: TmuxScreen, text: string): Promise<void> {
  await screen.type(text);
  await screen.press("Enter");
}

/** Opens a shell in the VM, whose prompt is `guest>`. */
async function enter(screen: TmuxScreen): Promise<void> {
  await line(screen, "bandsox terminal -e 'PS1=guest> ' box");
  await screen.shows(/^guest>$/m);
}

/** What the person's terminal is set to, by stty. */
async function settings(screen: TmuxScreen): Promise<string> {
  const mark = `settled-${Math.random()}`; // an earlier one may be on the screen still
  const file = join(world.dir, mark);
  await line(screen, `stty -g > ${file}; clear; echo ${mark}`);
  await screen.shows(new RegExp(`^${mark}$`, "m"));
  return (await readFile(file, "utf8")).trim();
}

test("a file is edited and saved with vi, which sees the window's size and its changes", async () => {
  await using screen = await person();
  const before = await settings(screen);
  await line(screen, "printf '\\033]2;mine\\007'");
  await expect.poll(() => screen.title(), PATIENCE).toBe("mine");
  await enter(screen);
  await line(screen, "printf '\\033]2;theirs\\007'; stty size");
  await screen.shows(/^24 80$/m);
  expect(await screen.title()).toBe("theirs");
  await line(screen, "vi /note");
  await screen.shows(/^- \/note /m);
  await screen.resize({ cols: 100, rows: 30 });
  await expect.poll(async () => (await screen.text()).trimEnd().split("\n").length, PATIENCE).toBe(30);
  await screen.type("iwritten in vi");
  await screen.shows(/^I \/note /m);
  await screen.press("Escape");
  await screen.shows(/^- \/note /m); // else the next key is part of an escape sequence
  await line(screen, ":wq");
  await screen.shows(/^guest>$/m);
  expect(await inGuest("cat /note")).toBe("written in vi");
  await line(screen, "stty size; exit 7");
  await screen.shows(/^30 100$/m);
  await screen.shows(/^ready>$/m);
  expect(await screen.title()).toBe("mine");
  await line(screen, "echo code $?");
  await screen.shows(/^code 7$/m);
  expect(await settings(screen)).toBe(before);
  expect(await vm.sessions.list()).toEqual([]);
});

test("Ctrl-C is the guest's, in a shell and for one command", async () => {
  await using screen = await person();
  await enter(screen);
  await line(screen, "/bin/sleep 1000; echo slept $?");
  await expect.poll(() => sleepers(), PATIENCE).toBe("1");
  await screen.press("C-c");
  await screen.shows(/guest>$/m);
  await screen.press("C-d");
  await screen.shows(/^ready>$/m);
  await line(screen, "clear; bandsox exec -it box sh -c 'echo begun; /bin/sleep 2000'; echo code $?");
  await screen.shows(/^begun$/m);
  await screen.press("C-c");
  await screen.shows(/code 130$/m);
  expect(await sleepers()).toBe("0");
});

test("a paste of 1 MiB arrives whole", async () => {
  const lines = randomBytes(MEBIBYTE)
    .toString("base64")
    .slice(0, MEBIBYTE)
    .replace(/.{1000}/g, "$&\n");
  const pasted = `${lines.slice(0, MEBIBYTE - 1)}\n`;
  const file = join(world.dir, "paste");
  await writeFile(file, pasted);
  await using screen = await person();
  await enter(screen);
  await line(screen, "cat > /pasted; echo over");
  await expect.poll(() => inGuest("test -e /pasted && echo there"), PATIENCE).toBe("there");
  await screen.paste(file);
  await expect.poll(() => inGuest("busybox wc -c < /pasted"), PATIENCE).toBe(`${MEBIBYTE}`);
  await screen.press("C-d");
  await screen.shows(/^over$/m);
  expect(await inGuest("md5sum /pasted")).toContain(md5(pasted));
});

test("a shell that is left with Ctrl-P Ctrl-Q goes on, and says how to get back", async () => {
  await using screen = await person();
  const before = await settings(screen);
  await enter(screen);
  await line(screen, "mine=kept; vi /other");
  await screen.shows(/^- \/other /m);
  await screen.press("C-p", "C-q");
  await screen.shows(/get back with.*\n+ready>$/m);
  // Left in the middle of a full screen: this one is as it was before.
  expect(await screen.text()).not.toMatch(/^~/m);
  const [, back = ""] = /^get back with: (bandsox terminal \S+ \S+)$/m.exec(await screen.text()) ?? [];
  expect(back).not.toBe("");
  expect(await settings(screen)).toBe(before);
  await line(screen, back);
  await screen.shows(/^- \/other /m);
  await line(screen, ":q!");
  await screen.shows(/guest>$/m);
  await line(screen, "echo $mine; exit");
  await screen.shows(/^kept$/m);
  await screen.shows(/^ready>$/m);
});

test.for(["SIGTERM", "SIGHUP", "SIGKILL"] as const)("this terminal is as it was after %s", async (signal) => {
  await using screen = await person();
  const before = await settings(screen);
  const pidFile = join(world.dir, "pid");
  const command = `echo $$ > '${pidFile}'; exec '${BANDSOX}' terminal -e 'PS1=guest> ' box`;
  await line(screen, `sh -c ${JSON.stringify(command).replaceAll("$", "\\$")}; echo code $?`);
  await screen.shows(/guest>$/m);
  process.kill(Number(await readFile(pidFile, "utf8")), signal);
  await screen.shows(signal === "SIGKILL" ? /^(guest> )?code 137$/m : /^(guest> )?code 130$/m);
  expect(await settings(screen)).toBe(before);
});

test("top shows the VMs, and leaves the screen as it was", async () => {
  await using screen = await person();
  const before = await settings(screen);
  await line(screen, "bandsox top --interval 500ms");
  await screen.shows(/box +run/);
  await screen.press("q");
  await screen.shows(/^settled-\S+\n(.*\n)*ready>$/m);
  expect(await screen.text()).not.toMatch(/box +run/);
  expect(await settings(screen)).toBe(before);
});

test("a terminal whose VM is deleted ends and says why", async () => {
  const short = await world.bandsox.createVm(image, { name: "short", memMib: 256 });
  await using screen = await person();
  const before = await settings(screen);
  await line(screen, "clear; bandsox terminal -e 'PS1=guest> ' short; echo code $?");
  await screen.shows(/^guest>$/m);
  await short.delete();
  await screen.shows(/^code 125$/m);
  expect(await screen.text()).toContain("bandsox: ");
  expect(await settings(screen)).toBe(before);
});
