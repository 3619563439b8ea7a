import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import type { VmPaths } from "../host/paths.ts";
import { reachableSocket } from "../host/socket-path.ts";

/** A save of much memory to a slow disk is the longest of them. */
const ANSWER_TIMEOUT_MS = 120_000;

const Answer = z.object({
  error: z.string().optional(),
  /** What is worse than before though what was asked is done */
  warning: z.string().optional(),
  status: z.string().optional(),
  pausedMs: z.number().default(0),
  measures: z
    .object({
      counted: z.unknown(),
      balloon: z.object({ targetMib: z.number(), actualMib: z.number() }).optional(),
    })
    .optional(),
  idle: z.object({ idleForMs: z.number(), clients: z.int(), cpuPercent: z.number() }).optional(),
});

type ControlRequest =
  | { action: "pause" | "resume" | "status" | "limits" | "idle" | "measure" | "reconnect" }
  | { action: "reclaim"; mib: number }
  | { action: "save"; memory: string; state: string; layer?: string; layerSource?: string };

/**
 * Asks a VM's supervisor for something and waits until it is done. The supervisor finishes what it has begun even
 * if this process dies.
 *
 * @throws {BandSoxError} `vm_control_failed` with what was wrong
 */
export async function control(paths: VmPaths, request: ControlRequest): Promise<z.infer<typeof Answer>> {
  const failed = (why: string, cause?: unknown) =>
    new BandSoxError(
      "vm_control_failed",
      `cannot ${request.action} the VM in ${paths.dir}: ${why}`,
      { action: request.action, path: paths.dir },
      { cause },
    );
  await using reachable = await reachableSocket(paths.controlSocket);
  const socket = createConnection(reachable.path);
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)),
    ANSWER_TIMEOUT_MS,
  );
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = Answer.parse(JSON.parse(line));
      if (answer.error !== undefined) throw failed(answer.error);
      return answer;
    }
    throw failed("its supervisor ended");
  } catch (error) {
    if (error instanceof BandSoxError) throw error;
    throw failed(error instanceof Error ? error.message : String(error), error);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
