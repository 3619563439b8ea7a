import { resolve } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { expect } from "vitest";
import type { World } from "./world.ts";

const BANDSOX = resolve(import.meta.dirname, "../../../bandsox");

interface Told {
  // biome-ignore lint/suspicious/noExplicitAny: each tool's own
  readonly told: any;
  readonly refused: string | undefined;
}

/** An agent, to whom `bandsox mcp` is a server it started. */
export async function startAgent(world: World, ...options: string[]) {
  const transport = new StdioClientTransport({
    ...{ command: BANDSOX, args: ["mcp", ...options], stderr: "pipe" },
    env: { PATH: process.env.PATH ?? "", HOME: world.dir, BANDSOX_STORAGE: world.storage },
  });
  let complaints = "";
  transport.stderr?.on("data", (text) => {
    complaints += text;
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const call = async (name: string, input: Record<string, unknown> = {}): Promise<Told> => {
    const { isError, structuredContent, content } = await client.callTool({ name, arguments: input });
    const [first] = content ?? [];
    const text = first?.type === "text" ? first.text : "";
    return { told: structuredContent, refused: isError ? text : undefined };
  };
  const leave = async () => {
    await client.close();
    expect(complaints).toBe("");
  };
  return { call, client, [Symbol.asyncDispose]: leave };
}
