import type { Socket } from "node:net";
import { VmId } from "@bandsox/contract";
import { startFakeAgent, startHostileAgent, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { collect } from "./collect.ts";
import { GuestClient } from "./guest-client.ts";
import { GuestConnections } from "./guest-connections.ts";

const vmId = VmId.parse("vm_000000000000");
const HELLO = JSON.stringify({
  ...{ protocol: 1, agentVersion: "1", capabilities: [], machine: "ready", kernel: "6" },
  ...{ agentStartMs: 1, agentReadyMs: 2 },
});
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${HELLO.length}\r\n\r\n${HELLO}`;

/** A guest that does `onRequest` with each request, the first of which is number 1. */
async function guest(onRequest: (socket: Socket, number: number) => void) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const requests: string[] = [];
  let number = 0;
  const agent = stack.use(
    await startHostileAgent(socketPath, (socket, first) => {
      const take = (request: Buffer) => {
        requests.push(request.toString("latin1").split(" HTTP")[0] ?? "");
        onRequest(socket, ++number);
      };
      take(first);
      socket.on("data", take);
    }),
  );
  const connections = stack.use(new GuestConnections());
  const client = () => new GuestClient({ vmId, socketPath, connections });
  const hello = async () => {
    await using one = client();
    return one.hello();
  };
  return { agent, client, hello, requests, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("calls one after the other share connections", async () => {
  await using g = await guest((socket) => socket.write(ANSWER));
  for (let call = 0; call < 9; call++) await g.hello();
  // The next call may come before the one before it has given its connection back.
  expect(g.agent.accepted()).toBeLessThanOrEqual(2);
});

test("calls at the same time do not wait for each other", async () => {
  const all = Promise.withResolvers<void>();
  await using g = await guest((socket, number) => {
    if (number === 3) all.resolve();
    void all.promise.then(() => socket.write(ANSWER));
  });
  await Promise.all([g.hello(), g.hello(), g.hello()]);
});

test("a call that only asks is asked again when its kept connection has ended", async () => {
  await using g = await guest((socket, number) => (number === 3 ? socket.destroy() : socket.write(ANSWER)));
  for (let call = 0; call < 3; call++) await g.hello();
  expect(g.requests).toHaveLength(4);
});

test("a guest that always ends the connection is asked twice, not for ever", async () => {
  await using g = await guest((socket) => socket.destroy());
  await expect(g.hello()).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(g.requests).toHaveLength(2);
});

test("a command is not started again when its connection ends before the answer", async () => {
  await using g = await guest((socket, number) => (number <= 2 ? socket.write(ANSWER) : socket.destroy()));
  for (let call = 0; call < 2; call++) await g.hello();
  await using client = g.client();
  await expect(collect(client.exec({ argv: ["true"] }))).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(g.requests.filter((request) => request === "POST /v1/exec")).toHaveLength(1);
});

test("a command runs after the guest has ended every kept connection", async () => {
  await using directory = await temporaryDirectory();
  const socketPath = `${directory.path}/agent.sock`;
  await using agent = await startFakeAgent(socketPath);
  await using connections = new GuestConnections();
  await using client = new GuestClient({ vmId, socketPath, connections });
  for (let run = 0; run < 3; run++) {
    expect(await collect(client.exec({ argv: ["echo", "up"] }))).toMatchObject({ stdout: "up\n" });
    agent.dropConnections();
  }
});

test("what is under way ends with the connections", async () => {
  const connections = new GuestConnections();
  await using directory = await temporaryDirectory();
  const socketPath = `${directory.path}/agent.sock`;
  await using _agent = await startHostileAgent(socketPath, () => {});
  await using client = new GuestClient({ vmId, socketPath, connections });
  const hello = client.hello();
  const ended = expect(hello).rejects.toMatchObject({ code: "guest_unreachable" });
  await connections[Symbol.asyncDispose]();
  await ended;
});
