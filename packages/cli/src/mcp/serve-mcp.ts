import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { type McpServing, mcpServer } from "./mcp-server.ts";

/** Serves an agent on stdin and stdout until it goes away or the signal fires. */
export async function serveMcp(serving: McpServing): Promise<void> {
  const { signal } = serving;
  const ended = Promise.withResolvers<void>();
  const transport = new StdioServerTransport();
  const leaving = new AbortController();
  const handle = serveStdio(
    () => mcpServer({ ...serving, signal: AbortSignal.any([signal, leaving.signal]) }),
    {
      transport,
    },
  );
  process.stdin.once("end", ended.resolve).once("close", ended.resolve);
  signal.addEventListener("abort", () => ended.resolve(), { once: true });
  if (signal.aborted) ended.resolve();
  await ended.promise;
  leaving.abort();
  await handle.close();
}
