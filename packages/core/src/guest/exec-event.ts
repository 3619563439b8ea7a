import { type ExecEvent, ExecExit } from "@bandsox/contract";
import type { z } from "zod";
import { FRAME_KINDS, type Frame, FrameError } from "./frames.ts";
import { parseJson } from "./parse-json.ts";

/** The event a frame of a command's output tells. @throws {FrameError} */
export function toExecEvent(frame: Frame): ExecEvent {
  const { kind, data } = frame;
  if (kind === FRAME_KINDS.stdout) return { type: "stdout", data };
  if (kind === FRAME_KINDS.stderr) return { type: "stderr", data };
  if (kind === FRAME_KINDS.exit) return { type: "exit", ...frameJson(frame, ExecExit, "exit") };
  throw new FrameError(`a frame of kind ${kind} is none of a command's output`);
}

/** Parses a frame that carries JSON. @throws {FrameError} */
export function frameJson<T>({ data }: Frame, schema: z.ZodType<T>, name: string): T {
  const parsed = schema.safeParse(parseJson(Buffer.from(data).toString("utf8")));
  if (!parsed.success) throw new FrameError(`the ${name} frame is not what it should be`);
  return parsed.data;
}
