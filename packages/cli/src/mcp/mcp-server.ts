import { isAnyBandSoxError } from "@bandsox/contract";
import { McpServer } from "@modelcontextprotocol/server";
import type { BandSox } from "bandsox";
import { VERSION } from "../cli-version.ts";
import { GUEST_TOOLS } from "./guest-tools.ts";
import { NETWORK_TOOLS } from "./network-tools.ts";
import { OutOfScope, type Scope } from "./scope.ts";
import type { Tool, ToolWorld } from "./tool.ts";
import { VM_TOOLS } from "./vm-tools.ts";

const INSTRUCTIONS = `Runs untrusted code in microVMs. Make a VM with create_vm, run commands with exec or run_python,
and delete it when it is not needed any more. What runs in a VM reaches nothing outside it but its network, if it has one.`;

export interface McpServing {
  readonly bandsox: BandSox;
  readonly scope: Scope;
  /** Fires when the server is to end */
  readonly signal: AbortSignal;
}

/** A server that offers VMs to an agent, as far as its scope allows. */
export function mcpServer({ bandsox, scope, signal }: McpServing): McpServer {
  const server = new McpServer({ name: "bandsox", version: VERSION }, { instructions: INSTRUCTIONS });
  for (const tool of [...VM_TOOLS, ...GUEST_TOOLS, ...NETWORK_TOOLS]) {
    if (scope.options.isReadOnly && !tool.isReadOnly) continue;
    const { name, title, description, input, isReadOnly, isDestructive } = tool;
    const annotations = {
      title,
      readOnlyHint: isReadOnly,
      destructiveHint: isDestructive,
      openWorldHint: false,
    };
    server.registerTool(name, { title, description, inputSchema: input, annotations }, (given, context) =>
      answer(tool, given, { bandsox, scope, signal: AbortSignal.any([signal, context.mcpReq.signal]) }),
    );
  }
  return server;
}

async function answer(tool: Tool, input: unknown, world: ToolWorld) {
  try {
    const result = await tool.run(input, world);
    const text = JSON.stringify(result, undefined, 2);
    return { content: [{ type: "text" as const, text }], structuredContent: result };
  } catch (error) {
    return { content: [{ type: "text" as const, text: failure(error) }], isError: true };
  }
}

/** What an agent is told: what happened, and what to do. Faults of ours are the user's to see. */
function failure(error: unknown): string {
  if (isAnyBandSoxError(error)) return `${error.message}\nhint: ${error.hint}`;
  if (error instanceof OutOfScope) return `not allowed: ${error.message}`;
  throw error;
}
