import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runningVm, temporaryDirectory } from "@bandsox/testkit";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { InMemoryTransport } from "@modelcontextprotocol/server";
import type { BandSox } from "bandsox";
import { describe, expect, test } from "vitest";
import { mcpServer } from "./mcp-server.ts";
import { Scope } from "./scope.ts";

const LIMITS = { vms: [], isReadOnly: false, maxVms: 2, maxMemMib: 512, hasNetwork: false, keepsVms: true };

/** How an agent calls what it is offered, and what it is told. */
function caller(client: Client) {
  return async (name: string, input: Record<string, unknown> = {}) => {
    const { isError, structuredContent, content } = await client.callTool({ name, arguments: input });
    const [first] = content ?? [];
    const text = first?.type === "text" ? first.text : "";
    return { isError: isError === true, told: structuredContent ?? {}, text };
  };
}

test("an agent runs commands in a VM of its own, and ends it", async () => {
  await using w = await runningVm();
  const scope = new Scope(LIMITS);
  scope.addVm(w.vm.id);
  const bandsox = { getVm: async () => w.vm, listVms: async () => [await w.vm.info()] } as unknown as BandSox;
  const [here, there] = InMemoryTransport.createLinkedPair();
  await mcpServer({ bandsox, scope, signal: new AbortController().signal }).connect(there);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(here);
  const call = caller(client);
  const { told } = await call("exec", { vm: w.vm.id, command: ["sh", "-c", "cat; exit 3"], stdin: "typed" });
  expect(told).toMatchObject({ stdout: "typed", exitCode: 3 });
  expect((await call("list_vms")).told).toMatchObject({ vms: [{ id: w.vm.id }] });
  expect((await call("delete_vm", { vm: w.vm.id })).told).toEqual({ deleted: w.vm.id });
  expect(scope.ownVms.size).toBe(0);
  await client.close();
});

describe("over stdin and stdout", { timeout: 60_000 }, () => {
  async function served(...options: string[]) {
    const stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    await writeFile(join(path, "package.json"), "{}");
    const main = join(import.meta.dirname, "../main.ts");
    const flags = ["--conditions=bandsox-source", "--disable-warning=ExperimentalWarning"];
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [...flags, main, "mcp", ...options],
      env: { PATH: process.env.PATH ?? "", HOME: path, BANDSOX_STORAGE: join(path, "storage") },
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transport);
    stack.defer(() => client.close());
    return { client, call: caller(client), [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  test("an agent does no more than its user allowed", async () => {
    await using a = await served("--image", "alpine*", "--max-mem", "256m", "--max-vms", "0");
    for (const [name, input, words] of [
      ["create_vm", { image: "dir:/x" }, "alpine*"],
      ["create_vm", { image: "alpine", memMib: 512 }, "256 MiB"],
      ["create_vm", { image: "alpine", networking: true }, "network"],
      ["create_vm", { image: "alpine" }, "0 VMs at once"],
      ["exec", { vm: "no-such", command: "id" }, "no VM"],
      ["set_network_policy", { vm: "no-such", preset: "open" }, "may not change"],
      ["exec", { vm: 3 }, "Invalid"],
    ] as const) {
      const answer = await a.call(name, { ...input });
      expect(answer).toMatchObject({ isError: true, text: expect.stringContaining(words) });
    }
    expect(await a.call("list_vms")).toMatchObject({ isError: false, told: { vms: [] } });
  });

  test("one that may only look is offered nothing else", async () => {
    await using a = await served("--read-only");
    const { tools } = await a.client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      "list_files",
      "list_network_decisions",
      "list_vms",
      "read_file",
    ]);
  });
});
