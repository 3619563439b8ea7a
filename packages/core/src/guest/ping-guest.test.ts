import { VmId } from "@bandsox/contract";
import {
  asPong,
  type FakeAgentOptions,
  startFakeAgent,
  startHostileAgent,
  temporaryDirectory,
} from "@bandsox/testkit";
import { expect, test } from "vitest";
import { pingGuest } from "./ping-guest.ts";
import { PingLines, type PingLinesOptions } from "./ping-lines.ts";

/** For a machine that is busy with other things */
const PATIENCE = { timeout: 20_000 };
const vmId = VmId.parse("vm_000000000000");

async function guest(options: FakeAgentOptions = {}, times: PingLinesOptions = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const agent = stack.use(await startFakeAgent(socketPath, options));
  const lines = stack.use(new PingLines(times));
  const endpoint = { vmId, socketPath };
  return {
    ...{ agent, lines, stands: () => lines.isConnected(socketPath) },
    ping: (signal?: AbortSignal) => pingGuest(lines, endpoint, signal),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a ping tells the time of its round trip, and its connection stands for the next", async () => {
  await using g = await guest();
  expect(g.stands()).toBe(false);
  const begun = performance.now();
  const ms = await g.ping();
  expect(ms).toBeGreaterThan(0);
  expect(ms).toBeLessThanOrEqual(performance.now() - begun);
  expect(g.stands()).toBe(true);
});

test("pings at the same time each have their own answer", async () => {
  await using g = await guest();
  const all = await Promise.all(Array.from({ length: 50 }, () => g.ping()));
  expect(all.every((ms) => ms > 0)).toBe(true);
});

test("an agent that knows no pings is asked for something else", async () => {
  await using g = await guest({ knowsPings: false });
  expect(await g.ping()).toBeGreaterThan(0);
});

test("a connection that has ended is made again", async () => {
  await using g = await guest();
  for (let run = 0; run < 3; run++) {
    expect(await g.ping()).toBeGreaterThan(0);
    g.agent.dropConnections();
  }
});

test("a connection is kept for a while after its last use, and no longer", async () => {
  await using g = await guest({}, { keepMs: 30 });
  await g.ping();
  expect(g.stands()).toBe(true);
  await expect.poll(g.stands, PATIENCE).toBe(false);
  await expect.poll(g.agent.connections, PATIENCE).toBe(0);
  expect(await g.ping()).toBeGreaterThan(0);
});

test("a ping under way ends with its connection", async () => {
  await using g = await guest({ pong: () => undefined });
  const dropped = expect(g.ping()).rejects.toMatchObject({ code: "guest_unreachable" });
  await expect.poll(g.stands, PATIENCE).toBe(true);
  g.agent.dropConnections();
  await dropped;
});

test("a ping under way on a kept connection ends with all, and no other is made", async () => {
  let answers = 1;
  await using g = await guest({ pong: (ping) => (answers-- > 0 ? asPong(ping) : undefined) });
  await g.ping();
  const closed = expect(g.ping()).rejects.toMatchObject({ code: "guest_unreachable" });
  g.lines[Symbol.dispose]();
  await closed;
  await expect(g.ping()).rejects.toMatchObject({ code: "guest_unreachable" });
  await expect.poll(g.agent.connections, PATIENCE).toBe(0);
});

test("a connection that does not come about is given up soon after its caller", async () => {
  await using directory = await temporaryDirectory();
  const socketPath = `${directory.path}/agent.sock`;
  await using agent = await startHostileAgent(socketPath, () => {}); // takes connections, and says nothing
  using lines = new PingLines({ keepMs: 30 });
  const given = pingGuest(lines, { vmId, socketPath }, AbortSignal.timeout(50));
  await expect(given).rejects.toMatchObject({ code: "interrupted" });
  await expect.poll(agent.open, PATIENCE).toBe(0);
});

test("one that hangs is left for another, however short a time its callers have", async () => {
  let hangs = false;
  await using g = await guest({ pong: (ping) => (hangs ? undefined : asPong(ping)) });
  await g.ping();
  hangs = true;
  for (let run = 0; run < 3; run++)
    await expect(g.ping(AbortSignal.timeout(50))).rejects.toMatchObject({ code: "interrupted" });
  hangs = false;
  expect(await g.ping()).toBeGreaterThan(0);
  await expect.poll(g.agent.connections, PATIENCE).toBe(1);
});

test("a guest that does not answer in its time is not asked again", async () => {
  let pings = 0;
  const pong = (ping: Buffer) => (++pings > 1 ? undefined : asPong(ping));
  await using g = await guest({ pong }, { answerMs: 2000 });
  await g.ping();
  const late = { code: "guest_unreachable", message: expect.stringContaining("in time") };
  await expect(g.ping()).rejects.toMatchObject(late);
  expect(pings).toBe(2);
});

test("who gives a ping up leaves its connection to others that wait on it", async () => {
  const held: Buffer[] = [];
  await using g = await guest({
    pong: (ping) => {
      held.push(ping);
      if (Buffer.concat(held).length < 26) return undefined;
      return asPong(Buffer.concat(held.splice(0)));
    },
  });
  const stop = new AbortController();
  const givenUp = g.ping(stop.signal);
  await expect.poll(() => held.length, PATIENCE).toBe(1);
  const other = g.ping();
  stop.abort();
  await expect(givenUp).rejects.toMatchObject({ code: "interrupted" });
  expect(await other).toBeGreaterThan(0);
  await expect(g.ping(AbortSignal.abort())).rejects.toMatchObject({ code: "interrupted" });
});

test("an answer may come in pieces", async () => {
  await using g = await guest({
    pong: (ping, write) => {
      const pong = asPong(ping);
      write(pong.subarray(0, 3));
      setTimeout(() => write(pong.subarray(3)), 50); // together they would be one
      return undefined;
    },
  });
  expect(await g.ping()).toBeGreaterThan(0);
  expect(g.stands()).toBe(true);
});

const pong = (edit: (pong: Buffer) => Buffer) => (ping: Buffer) => edit(asPong(ping));

test("an answer nobody asked for ends the connection", async () => {
  await using g = await guest({ pong: pong((answer) => Buffer.concat([answer, answer])) });
  expect(await g.ping()).toBeGreaterThan(0);
  expect(g.stands()).toBe(false);
});

test.for([
  ["of another kind", (ping: Buffer) => ping],
  ["with another number", pong((answer) => Buffer.from(answer.fill(1, 5)))],
  ["of another length", pong((answer) => Buffer.from(answer.fill(0xff, 1, 5)))],
] as const)("an answer %s is not believed", async ([, pong]) => {
  await using g = await guest({ pong });
  await expect(g.ping()).rejects.toMatchObject({ code: "guest_protocol" });
  expect(g.stands()).toBe(false);
});
