// An agent's tools: starts `bandsox mcp` as an agent's host would, lists its tools, and runs a command through them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const image = process.argv[2] ?? "python:3-alpine";
const command = process.env.BANDSOX_COMMAND ?? "bandsox";
const server = spawn(command, ["mcp", "--image", image], { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
let id = 0;

/** One call of the protocol: JSON-RPC, a line each way. */
async function call(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
  server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params })}\n`);
  for (let next = await answers.next(); !next.done; next = await answers.next()) {
    const message = JSON.parse(next.value);
    if (message.id !== id) continue;
    if (message.error) throw new Error(message.error.message);
    return message.result;
  }
  throw new Error("the server has ended");
}

const about = {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "example", version: "1" },
};
await call("initialize", about);
server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
const { tools } = (await call("tools/list", {})) as { tools: { name: string }[] };
console.log(tools.map(({ name }) => name).join(", "));
server.stdin.end();
await once(server, "exit");
