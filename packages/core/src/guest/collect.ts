import type { ExecEvent, ExecResult } from "@bandsox/contract";

/** What a captured result keeps of each of its three texts; the command itself may print without end. */
export const CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024;

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

/** Bytes are joined before they are decoded, so a character cut between two chunks survives. */
function capture(limitBytes: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let dropped = false;
  return {
    add(data: Uint8Array) {
      const kept = data.subarray(0, limitBytes - size);
      dropped ||= kept.length < data.length;
      size += kept.length;
      if (kept.length > 0) chunks.push(kept);
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
    truncated: () => dropped,
  };
}
