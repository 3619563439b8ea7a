import { parseInput } from "@bandsox/contract";
import { API_FRAMES, ExecBody, VmParams } from "@bandsox/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { execMessage, timedExec } from "../exec-frames.ts";
import { given } from "../routes/given.ts";
import type { Served } from "../served.ts";
import { jsonOf } from "./attach-socket.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { serveSocket } from "./socket-route.ts";

const Start = ExecBody.omit({ timeout: true }).extend({ stdin: z.boolean().optional() });

/** `/api/vms/:id/exec`: a command with its input and output as they come. The first message says what to run. */
export function serveExec(app: FastifyInstance, { bandsox, metrics }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/vms/:id/exec", scope: "exec", params: VmParams },
    query: z.object({ token: z.string().optional() }),
    serve: async ({ params, socket }) => {
      const vm = await bandsox.getVm(params.id);
      const messages = socket.messages();
      const first = (await messages.next()).value;
      const start = parseInput(Start, typeof first === "string" ? jsonOf(first) : undefined, "exec");
      const { command, stdin, cwd, env, user, timeout_ms } = start;
      const options = given({ cwd, env, user, timeoutMs: timeout_ms || undefined });
      const input = stdin ? { stdin: stdinOf(messages) } : {};
      const events = vm.execStream(command, { ...options, ...input, signal: socket.signal });
      try {
        for await (const event of timedExec(events, metrics)) {
          const { kind, data } = execMessage(event);
          await socket.send(kind, data);
        }
      } catch (error) {
        if (!socket.signal.aborted) throw error;
      }
    },
  });
}

/** What a client sends as stdin, until it says that this is the end. */
async function* stdinOf(
  messages: ReturnType<FrameSocket["messages"]>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const message of messages) {
    if (typeof message === "string") continue;
    if (message.kind === API_FRAMES.eof) return;
    if (message.kind === API_FRAMES.stdin) yield message.data;
  }
}
