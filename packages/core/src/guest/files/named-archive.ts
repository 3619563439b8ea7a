import { isAnyBandSoxError, isBandSoxError } from "@bandsox/contract";
import { nanoid } from "nanoid";
import { z } from "zod";
import { soon } from "./abandon.ts";
import type { FileCall, FileChannel } from "./file-channel.ts";

/** An archive that the guest knows by a name, so that it can go on over another connection (PROTOCOL.md §7.1). */
export interface NamedArchive {
  readonly task: FileCall["task"];
  /** Of the calls that carry it; an agent from before there were such names does not look at them */
  readonly headers: Readonly<Record<string, string>>;
  /** How many bytes of it have come to the guest, if it knows any; `undefined` from an agent from before there was such a call */
  arrived(signal?: AbortSignal): Promise<number | "unknown" | undefined>;
  /** Tells the guest not to wait for the rest, or for who takes it. One that does not hear it stops some time later */
  abandon(): Promise<void>;
}

/** @param task what is done with the archive, in words */
export function namedArchive(channel: FileChannel, task: FileCall["task"]): NamedArchive {
  const id = nanoid();
  const about = { task, url: `/v1/archives/${id}` };
  return {
    task,
    headers: { "x-archive-id": id },
    async arrived(signal) {
      try {
        const call = { ...about, method: "GET", signal } as const;
        return (await channel.json(call, z.object({ bytes: z.int().min(0) }))).bytes;
      } catch (error) {
        if (isBandSoxError(error, "file_not_found")) return "unknown";
        if (isBandSoxError(error, "guest_protocol")) return undefined;
        throw error;
      }
    },
    async abandon() {
      await channel.json({ ...about, method: "DELETE", signal: soon() }, z.unknown());
    },
  };
}

/** Where an archive goes on; an agent that knows no such thing is not asked for it at the beginning. */
export function offsetOf(bytes: number): { offset?: number } {
  return bytes === 0 ? {} : { offset: bytes };
}

/** Whether the guest cannot go on with an archive: it has forgotten it, or keeps too little, or is an older agent. */
export function isForgotten(error: unknown): boolean {
  const codes = ["file_not_found", "file_changed", "guest_protocol"];
  return isAnyBandSoxError(error) && codes.includes(error.code);
}
