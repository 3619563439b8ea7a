import { VmId } from "@bandsox/contract";
import { type FakeAgentOptions, startFakeAgent, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { pingGuest } from "./ping-guest.ts";
import { PingLines } from "./ping-lines.ts";

const vmId = VmId.parse("vm_000000000000");

async function guest(options: FakeAgentOptions = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const agent = stack.use(await startFakeAgent(socketPath, options));
  const lines = stack.use(new PingLines());
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

test("a ping under way ends with its connection, and with the connections of all", async () => {
  await using g = await guest({ pong: () => undefined });
  const dropped = expect(g.ping()).rejects.toMatchObject({ code: "guest_unreachable" });
  await expect.poll(g.stands).toBe(true);
  g.agent.dropConnections();
  await dropped;
  const closed = expect(g.ping()).rejects.toMatchObject({ code: "guest_unreachable" });
  await expect.poll(g.stands).toBe(true);
  g.lines[Symbol.dispose]();
  await closed;
});

test("a caller that gives up is let go, and its late answer is nobody else's", async () => {
  const held: Buffer[] = [];
  let isSlow = true;
  await using g = await guest({
    pong: (ping) => {
      if (isSlow) return void held.push(ping);
      const all = Buffer.concat([...held.splice(0), ping]);
      for (let at = 0; at < all.length; at += 13) all.writeUInt8(9, at);
      return all;
    },
  });
  const stop = new AbortController();
  const givenUp = g.ping(stop.signal);
  await expect.poll(() => held.length).toBe(1);
  stop.abort();
  await expect(givenUp).rejects.toMatchObject({ code: "interrupted" });
  isSlow = false;
  expect(await g.ping()).toBeGreaterThan(0);
  await expect(g.ping(AbortSignal.abort())).rejects.toMatchObject({ code: "interrupted" });
});

const pong = (edit: (pong: Buffer) => Buffer | undefined) => (ping: Buffer) => {
  const copy = Buffer.from(ping);
  copy.writeUInt8(9);
  return edit(copy);
};

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
