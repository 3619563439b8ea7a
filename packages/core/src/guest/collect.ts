import type { ExecEvent, ExecResult } from "@bandsox/contract";
import { wholeCharacters } from "./whole-characters.ts";

/** What a captured result keeps of each of its three texts; the command itself may print without end. */
export const CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024;
const CAPTURE_START_BYTES = 4096;

/** Drains an exec into a result. Output beyond the limit is dropped and said to be. */
export async function collect(
  events: AsyncIterable<ExecEvent>,
  limitBytes = CAPTURE_LIMIT_BYTES,
): Promise<ExecResult> {
  const texts = { stdout: capture(limitBytes), stderr: capture(limitBytes), output: capture(limitBytes) };
  for await (const event of events) {
    if (event.type !== "exit") {
      texts[event.type].add(event.data);
      texts.output.add(event.data);
      continue;
    }
    const { type: _, ...exit } = event;
    return {
      ...exit,
      stdout: texts.stdout.text(),
      stderr: texts.stderr.text(),
      output: texts.output.text(),
      truncated: texts.output.truncated() || texts.stdout.truncated() || texts.stderr.truncated(),
    };
  }
  throw new Error("the exec's events ended without an exit");
}

/**
 * Bytes are joined before they are decoded, so a character cut between two chunks survives. They are copied: a chunk
 * may be a small part of a large buffer, which would be kept with it, or of one that its owner uses again.
 */
function capture(limitBytes: number) {
  let bytes = Buffer.alloc(0);
  let size = 0;
  let dropped = false;
  return {
    add(data: Uint8Array) {
      const kept = data.subarray(0, limitBytes - size);
      dropped ||= kept.length < data.length;
      if (size + kept.length > bytes.length) bytes = grown(bytes, size + kept.length, limitBytes);
      bytes.set(kept, size);
      size += kept.length;
    },
    // Cut by the limit, the text ends with a character and not with a part of one.
    text: () =>
      (dropped ? wholeCharacters(bytes.subarray(0, size)) : bytes.subarray(0, size)).toString("utf8"),
    truncated: () => dropped,
  };
}

/** Doubles a buffer, or more if more is needed, but not beyond the limit. */
function grown(bytes: Buffer, needed: number, limitBytes: number): Buffer<ArrayBuffer> {
  const size = Math.min(limitBytes, Math.max(needed, bytes.length * 2, CAPTURE_START_BYTES));
  const larger = Buffer.alloc(size);
  larger.set(bytes);
  return larger;
}
