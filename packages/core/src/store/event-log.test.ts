import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { EventQuery, type NewEvent, VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { openDatabase } from "./database.ts";
import { EventLog } from "./event-log.ts";

const vmId = VmId.parse("vm_000000000000");
const started: NewEvent = { type: "vm.started", vmId, vmName: "one", details: {} };
const paused: NewEvent = { ...started, type: "vm.paused" };

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const databasePath = `${path}/bandsox.db`;
  const database = stack.adopt(await openDatabase(databasePath), (opened) => opened.close());
  const signalFile = `${path}/events.signal`;
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const log = new EventLog(database, { signalFile, now: () => new Date(0), warn });
  const types = (since = 0) => log.page(since).events.map(({ type }) => type);
  return {
    database,
    warnings,
    databasePath,
    signalFile,
    log,
    types,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const query = (input: object = {}) => EventQuery.parse(input);

test("events are read back in order, from a cursor on, and by VM and type", async () => {
  await using w = await world();
  const other = VmId.parse("vm_111111111111");
  w.log.append(started, paused, { ...started, vmId: other, vmName: "two" });
  expect(w.log.page(0).events).toEqual([
    { seq: 1, at: "1970-01-01T00:00:00.000Z", ...started },
    { seq: 2, at: "1970-01-01T00:00:00.000Z", ...paused },
    { seq: 3, at: "1970-01-01T00:00:00.000Z", ...started, vmId: other, vmName: "two" },
  ]);
  expect(w.types(1)).toEqual(["vm.paused", "vm.started"]);
  expect(w.log.page(0, { vm: "two" }).events).toMatchObject([{ seq: 3 }]);
  expect(w.log.page(0, { vm: vmId, types: ["vm.paused"] }).events).toMatchObject([{ seq: 2 }]);
  w.log.append({ type: "exec.started", vmId: other, details: { execId: "1", command: "true" } });
  expect(w.log.page(0, { vm: "two" }).events).toMatchObject([{ seq: 3 }, { seq: 4 }]);
});

test("an event and the change it tells of are stored together or not at all", async () => {
  await using w = await world();
  const failing = () =>
    w.log.within((happened) => {
      happened(started);
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  expect(w.types()).toEqual([]);
});

test("a follower sees what another process writes, and stops when it is told to", async () => {
  await using w = await world();
  w.log.append(started);
  const controller = new AbortController();
  const events = w.log.read(query(), controller.signal);
  expect((await events.next()).value).toMatchObject({ type: "vm.started" });
  const next = events.next();
  await appendElsewhere(w, paused);
  expect((await next).value).toMatchObject({ seq: 2, type: "vm.paused" });
  const last = events.next();
  controller.abort();
  expect((await last).done).toBe(true);
});

test("a follower outlives the loss of the signal file", async () => {
  await using w = await world();
  w.log.append(started);
  const events = w.log.read(query({ since: "now" }));
  const next = events.next();
  rmSync(w.signalFile);
  w.log.append(paused);
  expect((await next).value).toMatchObject({ type: "vm.paused" });
  await events.return();
});

test("more events than are read at a time all arrive, also where few of them are wanted", async () => {
  await using w = await world();
  w.log.append(...Array.from({ length: 700 }, (_, n) => (n % 350 === 0 ? paused : started)));
  const all = await Array.fromAsync(w.log.read(query({ follow: false })));
  expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 700 }, (_, n) => n + 1));
  const few = await Array.fromAsync(w.log.read(query({ follow: false, types: ["vm.paused"] })));
  expect(few.map(({ seq }) => seq)).toEqual([1, 351]);
});

test("pruning takes the oldest, and numbers go on", async () => {
  await using w = await world();
  w.log.append(started, started, paused);
  expect(w.log.prune(1)).toBe(2);
  expect(w.types()).toEqual(["vm.paused"]);
  expect(w.log.prune(0)).toBe(1);
  w.log.append(started);
  expect(w.log.page(0).events).toMatchObject([{ seq: 4 }]);
});

test("what is told of often is written soon, together, and before the database closes", async () => {
  await using w = await world();
  w.log.appendSoon(started);
  w.log.appendSoon(paused);
  expect(w.types()).toEqual([]);
  const events = w.log.read(query());
  expect((await events.next()).value).toMatchObject({ type: "vm.started" });
  await events.return();
  expect(w.types()).toEqual(["vm.started", "vm.paused"]);
  w.log.appendSoon(started);
  w.log.flush();
  expect(w.types()).toEqual(["vm.started", "vm.paused", "vm.started"]);
});

test("what is told of often and cannot be written is warned of, and costs nothing else", async () => {
  await using w = await world();
  w.database.exec("PRAGMA max_page_count = 1");
  for (let n = 0; n < 200; n++) w.log.appendSoon({ ...started, vmName: "x".repeat(1000) });
  w.log.flush();
  expect(w.warnings).toEqual(["could not write down 200 events: database or disk is full"]);
});

async function appendElsewhere({ databasePath, signalFile }: Record<string, unknown>, event: NewEvent) {
  const program = `
    import { openDatabase } from ${JSON.stringify(import.meta.resolve("./database.ts"))};
    import { EventLog } from ${JSON.stringify(import.meta.resolve("./event-log.ts"))};
    const database = await openDatabase(${JSON.stringify(databasePath)});
    const log = new EventLog(database, { signalFile: ${JSON.stringify(signalFile)}, now: () => new Date(), warn: console.error });
    log.append(${JSON.stringify(event)});
    database.close();
  `;
  const args = ["--conditions=bandsox-source", "--input-type=module", "--eval", program];
  const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
  expect(code).toBe(0);
}
