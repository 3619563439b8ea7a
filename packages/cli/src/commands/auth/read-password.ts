import { BandSoxError } from "@bandsox/contract";
import type { CliContext } from "../../context.ts";

const LINE_MAX_BYTES = 4096;
const [ENTER, NEWLINE, INTERRUPT, END, ERASE] = [13, 10, 3, 4, 127];

/** Reads a password: a line of stdin, or, from a keyboard, what is typed twice without being shown. */
export async function readPassword(context: CliContext): Promise<string> {
  const { stdin, stderr } = context;
  if (!stdin.isTty) return readLine(context);
  stdin.setRaw(true);
  try {
    await stderr.write("new password: ");
    const first = await readLine(context);
    await stderr.write("\nagain: ");
    const second = await readLine(context);
    await stderr.write("\n");
    if (first === second) return first;
    const message = "the two passwords differ";
    throw new BandSoxError("invalid_argument", message, { field: "password", found: undefined });
  } finally {
    stdin.setRaw(false);
    stdin.open().pause();
  }
}

async function readLine({ stdin, signal }: CliContext): Promise<string> {
  const typed: number[] = [];
  const input = stdin.open();
  for (;;) {
    const chunk = await nextChunk(input, signal);
    for (const [index, byte] of (chunk ?? []).entries()) {
      if (byte === INTERRUPT)
        throw new BandSoxError("interrupted", "interrupted while reading a password", {});
      if (byte === ENTER || byte === NEWLINE || byte === END) {
        if (chunk && index + 1 < chunk.length) input.unshift(chunk.subarray(index + 1));
        return Buffer.from(typed).toString("utf8");
      }
      if (byte === ERASE) typed.pop();
      else typed.push(byte);
    }
    if (!chunk || typed.length > LINE_MAX_BYTES) return Buffer.from(typed).toString("utf8");
  }
}

/** The next bytes, or nothing at the end. */
function nextChunk(
  input: NodeJS.ReadableStream & { read(): unknown },
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const look = () => {
    const chunk = input.read();
    if (chunk !== null) settle(() => resolve(Buffer.from(chunk as Buffer)));
  };
  const onEnd = () => settle(() => resolve(undefined));
  const onAbort = () =>
    settle(() => reject(new BandSoxError("interrupted", "interrupted while reading a password", {})));
  const settle = (done: () => void) => {
    input.off("readable", look).off("end", onEnd);
    signal.removeEventListener("abort", onAbort);
    done();
  };
  input.on("readable", look).on("end", onEnd);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  else look();
  return promise;
}
