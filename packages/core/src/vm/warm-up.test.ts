import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { VmId } from "@bandsox/contract";
import { startFakeAgent, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { warmUp } from "./warm-up.ts";

async function guest(options: Parameters<typeof startFakeAgent>[1]) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const agentSocket = join(path, "agent.sock");
  const requests: string[] = [];
  const files = async ({ method, url }: IncomingMessage) => {
    requests.push(`${method} ${url}`);
    return false;
  };
  stack.use(await startFakeAgent(agentSocket, { files, ...options }));
  const vm = { id: "vm_000000000001" as VmId, agentSocket };
  return { vm, requests, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a command has been run in a guest that was warmed up", async () => {
  await using g = await guest({});
  await warmUp(g.vm);
  expect(g.requests).toContainEqual(expect.stringContaining("/v1/exec"));
});

test("an image without a shell is none the worse", async () => {
  const execRefusal = { status: 422, code: "exec_not_started", message: "no such file or directory" };
  await using g = await guest({ execRefusal });
  await expect(warmUp(g.vm)).resolves.toBeUndefined();
});

test("a guest that cannot be reached is told", async () => {
  const vm = { id: "vm_000000000001" as VmId, agentSocket: "/nonexistent/agent.sock" };
  await expect(warmUp(vm)).rejects.toMatchObject({ code: "guest_unreachable" });
});
