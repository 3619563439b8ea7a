import { isBandSoxError } from "@bandsox/contract";
import { isLate } from "../failure.ts";
import { redialing } from "../redial.ts";
import { newAttempts } from "./attempts.ts";
import { isBroken } from "./file-channel.ts";
import { Replay } from "./replay.ts";

/** A transfer to a guest that keeps what has come of it when its connection breaks. */
export interface ResumableTransfer<T> {
  /** One attempt: sends frames of what is to follow `offset` bytes */
  send(frames: AsyncIterable<Uint8Array>, offset: number): Promise<T>;
  /** How many bytes the guest has; `undefined` when it does not know, so that the transfer is over */
  arrived(): Promise<number | undefined>;
  /** Tells the guest not to wait for the rest. One that does not hear it stops some time later */
  abandon(): Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** Sends a stream that can be read only once, over as many connections as it takes. */
export async function sendResumably<T>(
  source: AsyncIterable<Uint8Array>,
  transfer: ResumableTransfer<T>,
): Promise<T> {
  await using replay = new Replay(source);
  try {
    return await sendReplayed(replay, transfer);
  } catch (error) {
    const isRefusal = !replay.hasFailed && !isBroken(error) && !isBandSoxError(error, "interrupted");
    if (replay.hasBegun && !isRefusal) await transfer.abandon().catch(() => {});
    throw error;
  }
}

async function sendReplayed<T>(replay: Replay, { send, arrived, signal }: ResumableTransfer<T>): Promise<T> {
  const attempts = newAttempts(["guest_unreachable"], signal);
  for (let offset = 0; ; ) {
    try {
      return await send(replay.frames(offset), offset);
    } catch (error) {
      replay.demandSource();
      if (!isBroken(error) || isLate(error)) throw error;
      const position = await redialing(arrived, { signal }).catch((reason) => {
        if (isBandSoxError(reason, "interrupted")) throw reason;
      });
      replay.demandSource(); // it may have failed while a connection that is over waited for it
      if (position === undefined || !replay.reaches(position)) throw error;
      attempts.failed(error, position);
      offset = position;
    }
  }
}
