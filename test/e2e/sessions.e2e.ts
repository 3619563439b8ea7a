import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { BandSox, type Session, type Terminal, type Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { name: "box", memMib: 256 });
});
afterAll(() => world[Symbol.asyncDispose]());

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const inGuest = async (command: string) => (await vm.exec(command)).stdout.trim();

test("a command reads what it is given, byte for byte", async () => {
  const bytes = randomBytes(4 * 1024 * 1024 + 7);
  const { stdout } = await vm.exec("md5sum", { stdin: bytes });
  expect(stdout).toContain(md5(bytes));
  expect(await vm.exec("cat; exit 3", { stdin: "typed" })).toMatchObject({ stdout: "typed", exitCode: 3 });
});

test("a client that gives up ends a command that reads nothing", async () => {
  const leaving = new AbortController();
  const handle = vm.execStream("echo $$; exec sleep 1000", {
    stdin: randomBytes(1024 * 1024),
    signal: leaving.signal,
  });
  let pid = "";
  await expect(async () => {
    for await (const event of handle) {
      if (event.type === "stdout") pid = Buffer.from(event.data).toString().trim();
      leaving.abort();
    }
  }).rejects.toMatchObject({ code: "interrupted" });
  const state = () => inGuest(`test -d /proc/${pid} && echo runs || echo gone`);
  await expect.poll(state, { timeout: 20_000 }).toBe("gone");
});

/** Everything a session tells, to its end. */
async function follow(session: Session, from: { stdout?: number } = {}) {
  let stdout = "";
  const gaps: { from: number; to: number }[] = [];
  for await (const event of session.attach(from)) {
    if (event.type === "stdout") stdout += Buffer.from(event.data).toString();
    if (event.type === "gap") gaps.push({ from: event.from, to: event.to });
    if (event.type === "exit") return { stdout, gaps, exitCode: event.exitCode };
  }
  throw new Error("no exit");
}

test("a session goes on without its client, and tells the next one everything", async () => {
  let id = "";
  {
    await using first = new BandSox({ storageDir: world.storage });
    const same = await first.getVm("box");
    const session = await same.sessions.start("echo started; read line; echo got $line; exit 4", {
      stdin: true,
    });
    id = session.id;
    for await (const event of session.attach()) if (event.type === "stdout") break;
  }
  const session = await vm.sessions.get(id);
  expect(await session.info()).toMatchObject({ stdin: "open", viewers: 0, user: "root" });
  await session.write("this\n");
  expect(await session.wait()).toMatchObject({ exitCode: 4 });
  expect(await follow(session)).toEqual({ stdout: "started\ngot this\n", gaps: [], exitCode: 4 });
  expect(await follow(session, { stdout: 8 })).toMatchObject({ stdout: "got this\n" });
  expect((await vm.sessions.list()).map((one) => one.id)).toContain(id);
  await session.delete();
  await expect(session.info()).rejects.toMatchObject({ code: "session_not_found" });
});

test("a session stands still with its VM and goes on with it, its viewer and its terminal too", async () => {
  const counting = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo $i; sleep 0.1; done";
  const session = await vm.sessions.start(counting);
  const terminal = await vm.terminal({ command: counting });
  const printed = async (one: Session) => (await follow(one)).stdout.replaceAll("\r", "");
  const viewed = Promise.all([printed(session), printed(terminal.session)]);
  await vm.pause();
  await vm.resume();
  const whole = Array.from({ length: 30 }, (_, index) => `${index + 1}\n`).join("");
  expect(await viewed).toEqual([whole, whole]);
  expect(await printed(session)).toBe(whole);
  await terminal.session.delete();
  await session.delete();
});

test("a session that printed more than it keeps says what is gone", async () => {
  const session = await vm.sessions.start("head -c 500000 /dev/zero", { journalBytes: 65_536 });
  await session.wait();
  const { stdout, gaps } = await follow(session);
  const from = 500_000 - stdout.length;
  expect(gaps).toEqual([{ from: 0, to: from }]);
  expect(stdout.length).toBeGreaterThanOrEqual(65_536);
  expect(stdout.length).toBeLessThan(200_000);
});

test("a session is signalled and killed", async () => {
  const polite = await vm.sessions.start("trap 'exit 9' TERM; while :; do sleep 0.05; done");
  await expect
    .poll(async () => {
      await polite.signal("SIGTERM").catch(() => {});
      return (await polite.info()).exit?.exitCode;
    })
    .toBeDefined();
  const stubborn = await vm.sessions.start("trap '' TERM; sleep 1000");
  await stubborn.kill();
  expect(await stubborn.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  await expect(stubborn.signal("SIGTERM")).rejects.toMatchObject({ code: "session_ended" });
});

/** Shows a terminal until it has printed the text. */
async function showing(terminal: Terminal, part: string): Promise<string> {
  let seen = "";
  for await (const bytes of terminal.output) {
    seen += Buffer.from(bytes).toString();
    if (seen.includes(part)) return seen;
  }
  throw new Error(`the terminal ended without ${part}: ${seen}`);
}

test("a terminal is typed at, resized, and seen by two at once", async () => {
  const terminal = await vm.terminal({ cols: 91, rows: 17, env: { PS1: "ready> " } });
  await showing(terminal, "ready> ");
  const second = await vm.attachTerminal(terminal.id);
  await terminal.write("busybox stty size; echo $TERM\n");
  expect(await showing(terminal, "xterm-256color\r\n")).toContain("17 91");
  await terminal.resize({ cols: 100, rows: 30 });
  await second.write("busybox stty size\n");
  await Promise.all([showing(terminal, "30 100"), showing(second, "30 100")]);
  await terminal.write("exit 6\n");
  expect(await terminal.exit()).toMatchObject({ exitCode: 6 });
  await terminal.session.delete();
});

test("a command line on a terminal here is one on a terminal there", async () => {
  const bandsox = resolve(import.meta.dirname, "../../bandsox");
  // `script` gives the command line a terminal of its own.
  const line = `stty rows 19 cols 77; '${bandsox}' exec -it box sh -c 'busybox stty size; read x; echo "<$x>"; exit 5'`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    env: { ...process.env, BANDSOX_STORAGE: world.storage, NO_COLOR: "1" },
  });
  child.stdin.write("typed\r");
  const [shown, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(shown).toContain("19 77");
  expect(shown).toContain("<typed>");
  expect(code).toBe(5);
});

test("input that is piped reaches the command through the command line", async () => {
  const child = spawn(resolve(import.meta.dirname, "../../bandsox"), ["exec", "-i", "box", "md5sum"], {
    env: { ...process.env, BANDSOX_STORAGE: world.storage },
  });
  const bytes = randomBytes(300_000);
  child.stdin.end(bytes);
  expect(await text(child.stdout)).toContain(md5(bytes));
});

test("a hundred commands at once each get their own", async () => {
  const runs = Array.from({ length: 100 }, async (_, n) => {
    const { stdout, exitCode } = await vm.exec(`cat; echo ' ${n}'; exit ${n}`, { stdin: `input ${n}` });
    expect([stdout, exitCode]).toEqual([`input ${n} ${n}\n`, n]);
  });
  await Promise.all(runs);
});

test("twenty transfers at once arrive whole", async () => {
  const files = Array.from({ length: 10 }, (_, n) => ({
    name: `/many-${n}`,
    bytes: randomBytes(500_000 + n),
  }));
  await Promise.all(files.map(({ name, bytes }) => vm.files.write(name, bytes)));
  const both = files.flatMap(({ name, bytes }) => [
    async () => expect(md5(await vm.files.read(name))).toBe(md5(bytes)),
    async () => {
      await vm.files.write(`${name}-again`, bytes);
      expect(await inGuest(`md5sum ${name}-again`)).toContain(md5(bytes));
    },
  ]);
  await Promise.all(both.map((work) => work()));
});

test("a client killed while it uploads leaves nothing under the final name", async () => {
  const source = join(world.dir, "upload");
  await writeFile(source, randomBytes(64 * 1024 * 1024));
  await inGuest("mkdir -p /incoming");
  const child = world.start("cp", source, "box:/incoming/file");
  const arriving = () => inGuest("ls -a /incoming | head -n 20");
  await expect.poll(arriving, { timeout: 30_000, interval: 20 }).toMatch(/\.\n\.\.\n./);
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await once(child, "close");
  const names = (await arriving()).split("\n");
  expect(names).not.toContain("file");
  expect(await readdir(world.dir)).toContain("upload");
});
