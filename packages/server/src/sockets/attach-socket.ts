import { parseInput, type SessionEvent, TerminalSize } from "@bandsox/contract";
import { API_FRAMES, SessionParams, toWire } from "@bandsox/contract/api";
import type { Session } from "bandsox";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { jsonBytes } from "../exec-frames.ts";
import type { Served } from "../served.ts";
import type { FrameSocket, SocketMessage } from "./frame-socket.ts";
import { serveSocket } from "./socket-route.ts";

const Begin = z.union([
  z.literal("end"),
  z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number),
]);

/** `/api/vms/:id/sessions/:session/attach`: a session's output from an offset on, and its input. */
export function serveAttach(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    path: "/api/vms/:id/sessions/:session/attach",
    scope: "exec",
    params: SessionParams,
    query: z.object({ stdout: Begin.default(0), stderr: Begin.default(0), token: z.string().optional() }),
    serve: async ({ params, query, socket }) => {
      const { sessions } = await bandsox.getVm(params.id);
      const session = await sessions.get(params.session);
      await attach(session, socket, { stdout: query.stdout, stderr: query.stderr });
    },
  });
}

/** Carries a session's output to a socket, and what comes from there to the session, until either ends. */
export async function attach(
  session: Session,
  socket: FrameSocket,
  from: { readonly stdout: number | "end"; readonly stderr: number | "end" },
): Promise<void> {
  const offsets = await offsetsOf(session, from);
  await socket.send(API_FRAMES.begun, jsonBytes({ session: session.id, ...offsets }));
  const input = takeInput(session, socket);
  try {
    for await (const event of session.attach({ ...offsets, signal: socket.signal })) {
      await sendEvent(socket, event);
    }
  } catch (error) {
    if (!socket.signal.aborted) throw error;
  } finally {
    socket.close(1000);
    await input;
  }
}

async function offsetsOf(session: Session, { stdout, stderr }: Parameters<typeof attach>[2]) {
  if (stdout !== "end" && stderr !== "end") return { stdout, stderr };
  const info = await session.info();
  return {
    stdout: stdout === "end" ? info.stdout.to : stdout,
    stderr: stderr === "end" ? info.stderr.to : stderr,
  };
}

async function sendEvent(socket: FrameSocket, event: SessionEvent): Promise<void> {
  if (event.type === "stdout" || event.type === "stderr") {
    await socket.send(API_FRAMES[event.type], event.data);
    return;
  }
  const { type, ...rest } = event;
  await socket.send(API_FRAMES[type], jsonBytes(toWire(rest)));
}

const Signal = z.object({ signal: z.string() });

/** Does with a session what a client says, in its order. What cannot be done is told; the output goes on. */
async function takeInput(session: Session, socket: FrameSocket): Promise<void> {
  for await (const message of socket.messages()) {
    try {
      await takeMessage(session, message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await socket.sendText(JSON.stringify({ type: "refused", detail: why }));
    }
  }
}

async function takeMessage(session: Session, message: SocketMessage): Promise<void> {
  if (typeof message === "string") return;
  const { kind, data } = message;
  if (kind === API_FRAMES.stdin) await session.write(data);
  else if (kind === API_FRAMES.eof) await session.closeStdin();
  else if (kind === API_FRAMES.resize) await session.resize(parseInput(TerminalSize, jsonOf(data), "resize"));
  else if (kind === API_FRAMES.signal)
    await session.signal(parseInput(Signal, jsonOf(data), "signal").signal);
}

/** JSON from outside, or nothing. */
export function jsonOf(data: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof data === "string" ? data : Buffer.from(data).toString("utf8"));
  } catch {
    return undefined;
  }
}
