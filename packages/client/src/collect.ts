import type { ExecEvent, ExecResult } from "@bandsox/contract";

const CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024;

/** Drains a command into a result. Output beyond the limit is dropped and said to be. */
export async function collect(
  events: AsyncIterable<ExecEvent>,
  limitBytes = CAPTURE_LIMIT_BYTES,
): Promise<ExecResult> {
  const texts = { stdout: capture(limitBytes), stderr: capture(limitBytes), output: capture(limitBytes) };
  for await (const event of events) {
    if (event.type === "exit") {
      const { type: _, ...exit } = event;
      const [stdout, stderr, output] = [texts.stdout.text(), texts.stderr.text(), texts.output.text()];
      return {
        ...exit,
        stdout,
        stderr,
        output,
        truncated: Object.values(texts).some((text) => text.isCut()),
      };
    }
    texts[event.type].add(event.data);
    texts.output.add(event.data);
  }
  throw new Error("the command's events ended without an exit");
}

/** Joins text however its bytes are cut. */
function capture(limitBytes: number) {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  let cut = false;
  return {
    add(data: Uint8Array) {
      const kept = data.subarray(0, limitBytes - size);
      cut ||= kept.length < data.length;
      size += kept.length;
      text += decoder.decode(kept, { stream: true });
    },
    text: () => (cut ? text : text + decoder.decode()),
    isCut: () => cut,
  };
}
