import { basename } from "node:path";
import { createInterface } from "node:readline";
import { BandSoxError, ERRORS, type ErrorCode } from "@bandsox/contract";
import { z } from "zod";
import { startChild } from "../host/start-child.ts";
import { ImageConfig } from "./image-config.ts";

/** One line of the image helper's output. */
export const HelperEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("resolved"), reference: z.string(), digest: z.string() }),
  z.object({
    type: z.literal("blob"),
    digest: z.string(),
    sizeBytes: z.number(),
    state: z.enum(["present", "started", "progress", "done"]),
    receivedBytes: z.number().default(0),
  }),
  z.object({
    type: z.literal("image"),
    digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    layers: z.array(z.object({ digest: z.string(), sizeBytes: z.number() })),
    config: ImageConfig,
  }),
  z.object({
    type: z.literal("layer"),
    index: z.number(),
    of: z.number(),
    state: z.enum(["started", "done"]),
  }),
  z.object({ type: z.literal("mkfs") }),
  z.object({
    type: z.literal("disk"),
    allocatedBytes: z.number(),
    files: z.number(),
    skippedDevices: z.number().default(0),
  }),
  z.object({
    type: z.literal("snapshot"),
    digest: z.string().optional(),
    digests: z.record(z.string(), z.string()).default({}),
  }),
  z.object({ type: z.literal("wait"), registry: z.string(), waitMs: z.number() }),
  z.object({
    type: z.literal("error"),
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).default({}),
  }),
]);
export type HelperEvent = z.infer<typeof HelperEvent>;
type Final = Extract<HelperEvent, { type: "image" | "disk" | "snapshot" }>;

export interface HelperCall {
  readonly helperPath: string;
  readonly args: readonly string[];
  /** Variables added to this process's */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What the call is about, for errors */
  readonly reference: string;
  readonly onEvent?: ((event: HelperEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A helper that is told to end has up to 30 s for its own clean-up; only one that hangs is killed. */
const KILL_AFTER_MS = 35_000;

/**
 * Runs a Go helper that works on images, or on snapshots as files. It ends when this process does: it watches the
 * other end of its standard input. It has ended when this settles, also when `onEvent` throws.
 *
 * @throws {BandSoxError} with the code the helper gives, `invalid_argument`, `interrupted`, `tool_missing`,
 *   `tool_failed`
 */
export async function callImageHelper<T extends Final["type"]>(
  call: HelperCall,
  wanted: T,
): Promise<Extract<Final, { type: T }>> {
  assertWords(call);
  await using helper = startHelper(call);
  const { child } = helper;
  let last: HelperEvent | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = HelperEvent.safeParse(parseLine(line, call));
    if (!event.success) continue; // an event of a newer helper that this version has no use for
    last = event.data;
    call.onEvent?.(last);
  }
  const ended = await child;
  if (last?.type === wanted && ended.exitCode === 0) return last as Extract<Final, { type: T }>;
  if (ended.isCanceled)
    throw new BandSoxError("interrupted", `interrupted while working on ${call.reference}`, {});
  if (ended.code === "ENOENT") {
    throw new BandSoxError("tool_missing", `cannot run ${call.helperPath}: it is not built`, {
      tool: basename(call.helperPath),
    });
  }
  if (last?.type === "error") throw helperError(last, call.reference);
  const output = String(ended.stderr).slice(-2000);
  throw new BandSoxError(
    "tool_failed",
    `${basename(call.helperPath)} ended with ${ended.signal ?? ended.exitCode} on ${call.reference}`,
    {
      tool: basename(call.helperPath),
      output,
    },
  );
}

/** Platforms, credentials and hosts come from outside, and the kernel ends an argument at a NUL. */
function assertWords({ args, env, reference }: HelperCall): void {
  const isCut = [...args, ...Object.values(env ?? {})].some((word) => word?.includes("\0"));
  if (!isCut) return;
  const message = `cannot work on ${reference}: its name, or an option given with it, holds a NUL`;
  throw new BandSoxError("invalid_argument", message, { field: "options", found: reference });
}

/** The running helper. Disposing of it ends it, if it has not ended, and waits until it is gone. */
function startHelper(call: HelperCall) {
  const [subcommand = "", ...rest] = call.args;
  const child = startChild(call.helperPath, [subcommand, "--stdin-lifeline", ...rest], {
    stdin: "pipe",
    reject: false,
    env: { ...call.env },
    buffer: { stdout: false },
    maxBuffer: 1024 * 1024,
    forceKillAfterDelay: KILL_AFTER_MS,
    ...(call.signal ? { cancelSignal: call.signal } : {}),
  });
  const dispose = async () => {
    child.kill();
    child.stdout.resume(); // a pipe that nobody reads would hold the end back
    await child;
  };
  return { child, [Symbol.asyncDispose]: dispose };
}

function parseLine(line: string, { reference }: HelperCall): unknown {
  try {
    return JSON.parse(line);
  } catch {
    const message = `the image helper said something that is no event while working on ${reference}`;
    throw new BandSoxError("tool_failed", message, { tool: "bandsox-image", output: line.slice(0, 2000) });
  }
}

function helperError(event: Extract<HelperEvent, { type: "error" }>, reference: string): BandSoxError {
  const code = event.code in ERRORS ? (event.code as ErrorCode) : "tool_failed";
  const details = {
    reference,
    path: reference,
    tool: "bandsox-image",
    output: event.message,
    ...event.details,
  };
  return new BandSoxError(code, event.message, ERRORS[code].details.parse(details) as never);
}
