import { once } from "node:events";
import { VmId } from "@bandsox/contract";
import { type FakeAgentOptions, frame, startFakeAgent, temporaryDirectory } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { collect } from "./collect.ts";
import { GuestClient } from "./guest-client.ts";

const vmId = VmId.parse("vm_000000000000");

async function guest(options: FakeAgentOptions = {}, socketName = "agent.sock") {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  stack.use(await startFakeAgent(`${path}/${socketName}`, options));
  const client = stack.use(new GuestClient({ vmId, socketPath: `${path}/${socketName}` }));
  return { client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
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

  test("a signal interrupts it", async () => {
    await using g = await guest();
    const running = collect(g.client.exec({ argv: ["sleep", "1000"] }, AbortSignal.timeout(50)));
    await expect(running).rejects.toMatchObject({
      code: expect.stringMatching(/interrupted|guest_unreachable/),
    });
  });
});

describe("a hostile guest costs an error and nothing else", () => {
  const lies: [string, Uint8Array][] = [
    ["a frame longer than allowed", Buffer.from([1, 0xff, 0xff, 0xff, 0xff, 0])],
    ["a body that ends inside a frame", Buffer.from([1, 0, 0, 0, 9, 65])],
    ["an exit frame that is no JSON", frame(3, Buffer.from("exit!"))],
    ["an exit frame with other fields", frame(3, Buffer.from('{"code":0}'))],
  ];
  test.for(lies)("%s", async ([, rawExecBody]) => {
    await using g = await guest({ rawExecBody });
    await expect(run(g.client, "true")).rejects.toMatchObject({ code: "guest_protocol", details: { vmId } });
  });

  test("a body without an exit frame is never a success", async () => {
    await using g = await guest({ rawExecBody: frame(1, Buffer.from("fine")) });
    await expect(run(g.client, "true")).rejects.toMatchObject({ code: "guest_unreachable" });
  });

  test("a handshake that is none", async () => {
    await using g = await guest({ handshake: `${"A".repeat(100)}` });
    await expect(g.client.hello()).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("an agent of another protocol version is refused by name", async () => {
    await using g = await guest({ protocol: 99 });
    await expect(g.client.hello()).rejects.toMatchObject({
      code: "guest_protocol",
      message: expect.stringContaining("99"),
    });
  });
});

test("a socket path longer than the kernel allows is reached all the same", async () => {
  const { mkdir } = await import("node:fs/promises");
  await using directory = await temporaryDirectory();
  const deep = `${directory.path}/${"d".repeat(60)}/${"e".repeat(60)}`;
  await mkdir(deep, { recursive: true });
  const cwd = process.cwd();
  const { createServer } = await import("node:net");
  const { symlink } = await import("node:fs/promises");
  await symlink(deep, `${directory.path}/s`);
  const server = createServer((socket) => void socket.once("data", () => socket.end("ERR full\n"))).listen(
    `${directory.path}/s/agent.sock`,
  );
  await once(server, "listening");
  await using client = new GuestClient({ vmId, socketPath: `${deep}/agent.sock` });
  await expect(client.hello()).rejects.toMatchObject({
    code: "guest_protocol",
    message: expect.stringContaining("ERR full"),
  });
  server.close();
  expect(process.cwd()).toBe(cwd);
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
