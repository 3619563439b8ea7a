import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { VmId } from "@bandsox/contract";
import {
  type FakeAgentOptions,
  frame,
  startFakeAgent,
  startHostileAgent,
  temporaryDirectory,
} from "@bandsox/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect } from "./collect.ts";
import { GuestClient, type GuestClientOptions } from "./guest-client.ts";

const vmId = VmId.parse("vm_000000000000");

type Limits = Pick<GuestClientOptions, "callTimeoutMs" | "execSlackMs">;

async function guest(options: FakeAgentOptions = {}, limits: Limits = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  stack.use(await startFakeAgent(socketPath, options));
  const client = stack.use(new GuestClient({ vmId, socketPath, ...limits }));
  return { client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** A guest whose socket takes connections and never says a word. */
async function muteGuest(limits: Limits = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(socketPath);
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  const client = stack.use(new GuestClient({ vmId, socketPath, ...limits }));
  return { client, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const run = (client: GuestClient, ...argv: string[]) => collect(client.exec({ argv }));

describe("exec", () => {
  test("keeps both streams, the order of each, and the exit code", async () => {
    await using g = await guest();
    const result = await run(g.client, "sh", "-c", "echo out; echo err >&2; exit 7");
    expect(result).toMatchObject({ stdout: "out\n", stderr: "err\n", exitCode: 7, truncated: false });
  });

  test("a death by signal is told as one", async () => {
    await using g = await guest();
    expect(await run(g.client, "sh", "-c", "kill -9 $$")).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  });

  test("a program that is not there is refused with the guest's reason", async () => {
    await using g = await guest();
    await expect(run(g.client, "/no/such/program")).rejects.toMatchObject({
      code: "exec_not_started",
      message: expect.stringContaining("ENOENT"),
    });
  });

  test("output larger than any buffer arrives whole", async () => {
    await using g = await guest();
    let bytes = 0;
    for await (const event of g.client.exec({ argv: ["head", "-c", "5000000", "/dev/zero"] })) {
      if (event.type === "stdout") bytes += event.data.length;
    }
    expect(bytes).toBe(5_000_000);
  });

  test("leaving the iteration kills the command", async () => {
    await using g = await guest();
    const events = g.client.exec({ argv: ["sh", "-c", "echo $$; exec sleep 1000"] });
    const first = await events.next();
    const pid = Number(Buffer.from((first.value as { data: Uint8Array }).data).toString());
    await events.return();
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test("a signal interrupts it, a timeout of the caller's included", async () => {
    await using g = await guest();
    const running = collect(g.client.exec({ argv: ["sleep", "1000"] }, AbortSignal.timeout(50)));
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
  });

  test("a guest that lets a command outlive its timeout is given up", async () => {
    await using g = await guest({}, { execSlackMs: 30 }); // the double knows no timeouts
    await expect(collect(g.client.exec({ argv: ["sleep", "1000"], timeoutMs: 20 }))).rejects.toMatchObject({
      code: "guest_unreachable",
      message: expect.stringContaining("in time"),
    });
  });

  const refusals = [
    [429, "exec_busy", "exec_busy", true],
    [413, "body_too_large", "invalid_argument", false],
    [422, "exec_not_started", "exec_not_started", false],
    [500, "exec_failed", "exec_failed", true],
    [500, "of_its_own", "guest_protocol", false],
  ] as const;
  test.for(refusals)("a refusal with %d %s is %s", async ([status, told, code, retryable]) => {
    await using g = await guest({ execRefusal: { status, code: told, message: "the guest's reason" } });
    await expect(run(g.client, "true")).rejects.toMatchObject({
      code,
      retryable,
      message: expect.stringContaining("the guest's reason"),
    });
  });
});

describe("a guest that never answers a connection", () => {
  test("is given up after our time", async () => {
    await using g = await muteGuest({ callTimeoutMs: 30 });
    await expect(g.client.hello()).rejects.toMatchObject({
      code: "guest_unreachable",
      message: expect.stringContaining("in time"),
    });
  });

  test("is given up when the caller says so", async () => {
    await using g = await muteGuest();
    const caller = new AbortController();
    const [hello, exec] = [
      g.client.hello(caller.signal),
      collect(g.client.exec({ argv: ["true"] }, caller.signal)),
    ];
    await once(g.server, "connection");
    caller.abort();
    await expect(hello).rejects.toMatchObject({ code: "interrupted" });
    await expect(exec).rejects.toMatchObject({ code: "interrupted" });
  });

  test("is given up after an exec's own timeout", async () => {
    await using g = await muteGuest({ execSlackMs: 20 });
    const exec = collect(g.client.exec({ argv: ["true"], timeoutMs: 10 }));
    await expect(exec).rejects.toMatchObject({ code: "guest_unreachable" });
  });

  test("is left alone by a client that is gone", async () => {
    await using g = await muteGuest();
    const hello = g.client.hello();
    hello.catch(() => {});
    const [socket] = (await once(g.server, "connection")) as [Socket];
    const closed = once(socket.resume(), "close");
    await g.client[Symbol.asyncDispose]();
    await closed;
    await expect(hello).rejects.toMatchObject({
      code: expect.stringMatching(/guest_unreachable|interrupted/),
    });
  });
});

describe("a hostile guest costs an error and nothing else", () => {
  const lies: [string, Uint8Array][] = [
    ["a frame longer than allowed", Buffer.from([1, 0xff, 0xff, 0xff, 0xff, 0])],
    ["an exit frame that is no JSON", frame(3, Buffer.from("exit!"))],
    ["an exit frame with other fields", frame(3, Buffer.from('{"code":0}'))],
  ];
  test.for(lies)("%s", async ([, rawExecBody]) => {
    await using g = await guest({ rawExecBody });
    await expect(run(g.client, "true")).rejects.toMatchObject({ code: "guest_protocol", details: { vmId } });
  });

  test.for([
    ["without an exit frame", frame(1, Buffer.from("fine"))],
    ["that ends inside a frame", Buffer.from([1, 0, 0, 0, 9, 65])],
  ] as const)("a body %s is never a success", async ([, rawExecBody]) => {
    await using g = await guest({ rawExecBody });
    await expect(run(g.client, "true")).rejects.toMatchObject({ code: "guest_unreachable" });
  });

  test("a handshake that is none", async () => {
    await using g = await guest({ handshake: `${"A".repeat(100)}` });
    await expect(g.client.hello()).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("an agent of another protocol version is refused by name", async () => {
    await using g = await guest({ protocol: 99 });
    await expect(g.client.hello()).rejects.toMatchObject({
      code: "guest_outdated",
      message: expect.stringContaining("99"),
    });
  });

  test("an agent that does not know a call yet is told from one that breaks the protocol", async () => {
    await using g = await guest({ execRefusal: { status: 404, code: "not_found", message: "no such call" } });
    await expect(run(g.client, "true")).rejects.toMatchObject({ code: "guest_outdated" });
  });

  test("a hello is understood or refused, whatever is in it", async () => {
    await using directory = await temporaryDirectory();
    const socketPath = `${directory.path}/agent.sock`;
    let body = "";
    const answer = (socket: Socket) =>
      socket.end(
        `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    await using _agent = await startHostileAgent(socketPath, answer);
    await using client = new GuestClient({ vmId, socketPath });
    const hello = { agentVersion: "1", machine: "bare", kernel: "6", agentStartMs: 1, agentReadyMs: 2 };
    const almost = fc.record({
      protocol: fc.jsonValue(),
      machine: fc.jsonValue(),
      capabilities: fc.jsonValue(),
    });
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      almost.map((lies) => JSON.stringify({ ...hello, ...lies })),
    );
    await fc.assert(
      fc.asyncProperty(text, async (said) => {
        body = said;
        const told = await client.hello().catch((error: unknown) => error);
        expect(told).toMatchObject({ code: expect.stringMatching(/^guest_(protocol|outdated)$/) });
      }),
      { numRuns: 200 },
    );
    body = JSON.stringify({ ...hello, protocol: 1, capabilities: ["exec", "from-the-future"] });
    expect(await client.hello()).toMatchObject({ capabilities: ["exec", "from-the-future"] });
  });
});

test("a socket path longer than the kernel allows is reached all the same", async () => {
  await using directory = await temporaryDirectory();
  const deep = `${directory.path}/${"d".repeat(60)}/${"e".repeat(60)}`;
  await mkdir(deep, { recursive: true });
  const cwd = process.cwd();
  await symlink(deep, `${directory.path}/s`);
  const server = createServer((socket) => void socket.once("data", () => socket.end("ERR full\n"))).listen(
    `${directory.path}/s/agent.sock`,
  );
  await once(server, "listening");
  await using client = new GuestClient({ vmId, socketPath: `${deep}/agent.sock` });
  await expect(client.hello()).rejects.toMatchObject({
    code: "guest_unreachable",
    message: expect.stringContaining("full"),
  });
  server.close();
  expect(process.cwd()).toBe(cwd);
});

test("a channel that is just being replaced is dialled again, and a command runs once", async () => {
  await using directory = await temporaryDirectory();
  const [socketPath, behind] = [`${directory.path}/agent.sock`, `${directory.path}/behind.sock`];
  await using _agent = await startFakeAgent(behind);
  let dialled = 0;
  const refuse = (socket: Socket) => void socket.once("data", () => socket.end("ERR not now\n"));
  const gate = createServer((socket) => {
    dialled++;
    if (dialled === 1) return void socket.destroy();
    if (dialled === 2) return refuse(socket);
    const onward = connect(behind);
    socket.pipe(onward).pipe(socket);
    socket.on("close", () => onward.destroy());
  }).listen(socketPath);
  await once(gate, "listening");
  await using client = new GuestClient({ vmId, socketPath });
  const append = `echo once >> ${directory.path}/ran; cat ${directory.path}/ran`;
  expect(await run(client, "sh", "-c", append)).toMatchObject({ stdout: "once\n", exitCode: 0 });
  expect(dialled).toBe(3);
  gate.close();
});

test("no guest behind the socket is said to be unreachable", async () => {
  await using directory = await temporaryDirectory();
  await using client = new GuestClient({ vmId, socketPath: `${directory.path}/agent.sock` });
  await expect(client.hello()).rejects.toMatchObject({ code: "guest_unreachable" });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
