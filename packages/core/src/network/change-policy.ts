import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { reachableSocket } from "../host/socket-path.ts";
import type { PolicyChange } from "./networks.ts";

const ANSWER_TIMEOUT_MS = 30_000;
const Answer = z.object({ error: z.string().default("") });

/**
 * Has a VM's supervisor carry a change of policy out; it holds for open connections too when this resolves.
 *
 * @throws {BandSoxError} `network_failed`
 */
export async function changePolicy(socketPath: string, change: PolicyChange): Promise<void> {
  await using reachable = await reachableSocket(socketPath);
  const socket = createConnection(reachable.path);
  const late = () => socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
  const timer = setTimeout(late, ANSWER_TIMEOUT_MS);
  try {
    socket.write(`${JSON.stringify(change)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const { error } = Answer.parse(JSON.parse(line));
      if (error !== "") throw failed(error);
      return;
    }
    throw failed("its supervisor ended");
  } catch (error) {
    if (isAnyBandSoxError(error)) throw error;
    throw failed(error instanceof Error ? error.message : String(error), error);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function failed(reason: string, cause?: unknown): BandSoxError {
  const what = "change a VM's network policy";
  return new BandSoxError("network_failed", `cannot ${what}: ${reason}`, { what, reason }, { cause });
}
