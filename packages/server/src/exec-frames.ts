import type { ExecEvent, PythonEvent } from "@bandsox/contract";
import { API_FRAMES, type ApiFrame, encodeFrame, toWire } from "@bandsox/contract/api";
import type { FastifyRequest } from "fastify";
import type { Metrics } from "./metrics.ts";
import { toBandSoxError, toProblem } from "./problem.ts";

/**
 * A command's events as frames. The first event is waited for, so that a command that cannot be started is still a
 * problem and not a stream; what fails later is the last frame.
 */
export async function execFrames(
  events: AsyncIterableIterator<ExecEvent | PythonEvent>,
  request: FastifyRequest,
): Promise<AsyncIterable<Uint8Array>> {
  const first = await events.next();
  async function* frames(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let next = first; !next.done; next = await events.next()) yield execFrame(next.value);
    } catch (error) {
      const problem = toProblem(toBandSoxError(error, request), request.id);
      yield encodeFrame(API_FRAMES.error, jsonBytes(problem));
    } finally {
      await events.return?.();
    }
  }
  return frames();
}

/** A command's events, with the time to the first and to the last of them. */
export async function* timedExec(
  events: AsyncIterable<ExecEvent>,
  metrics: Metrics,
): AsyncGenerator<ExecEvent, void, undefined> {
  const begun = performance.now();
  let isFirst = true;
  for await (const event of events) {
    const stage = event.type === "exit" ? "end" : "output";
    if (isFirst || stage === "end") metrics.stage("exec", stage, performance.now() - begun);
    isFirst = false;
    yield event;
  }
}

/** One event as a frame of a stream. */
function execFrame(event: ExecEvent | PythonEvent): Uint8Array {
  const { kind, data } = execMessage(event);
  return encodeFrame(kind, data);
}

/** One event as a frame. */
export function execMessage(event: ExecEvent | PythonEvent): ApiFrame {
  if (event.type !== "exit") return { kind: API_FRAMES[event.type], data: event.data };
  const { type: _, ...exit } = event;
  return { kind: API_FRAMES.exit, data: jsonBytes(toWire(exit)) };
}

/** JSON as bytes. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
