import { BandSoxError } from "@bandsox/contract";
import { toolPath } from "../../host/find-tool.ts";
import { startChild, tiedToUs } from "../../host/start-child.ts";

const LISTING_LIMIT_BYTES = 64 * 1024 * 1024;
/** A disk a guest wrote may be built to keep its reader busy. */
const TIMEOUT_MS = 60_000;
const SHOWN_CHARACTERS = 2000;

/** What debugfs is asked: a verb, an inode, and for attributes a name of ours. Nothing a guest chose is part of it. */
export interface DebugfsRequest {
  readonly verb: "ls -p" | "stat" | "cat" | "ea_get";
  readonly inode: number;
  readonly attribute?: "trusted.overlay.opaque";
}

/**
 * Asks debugfs about a disk nobody has mounted; the disk is only read.
 *
 * @returns its standard output, byte for byte
 * @throws {BandSoxError} `tool_missing`, `tool_failed`, `interrupted`
 */
export async function askDebugfs(
  disk: string,
  request: DebugfsRequest,
  signal?: AbortSignal,
): Promise<Buffer> {
  const result = await startChild(...tiedToUs("debugfs", debugfsArgs(disk, request)), {
    ...options(signal),
    encoding: "buffer",
    maxBuffer: LISTING_LIMIT_BYTES,
    timeout: TIMEOUT_MS,
  });
  const complaint = complaintIn(result.stderr);
  const isAbsent = request.verb === "ea_get" && complaint?.includes("key not found");
  if (!result.failed && (!complaint || isAbsent)) return Buffer.from(result.stdout);
  throw toError(result, disk);
}

/** Streams what `cat` prints; leaving early ends the tool. */
export async function* streamDebugfs(
  disk: string,
  inode: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const child = startChild(...tiedToUs("debugfs", debugfsArgs(disk, { verb: "cat", inode })), {
    ...options(signal),
    encoding: "buffer",
    buffer: { stdout: false },
  });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const result = await child;
    if (result.failed || complaintIn(result.stderr)) throw toError(result, disk);
  } finally {
    child.kill();
  }
}

/** `-c` leaves the bitmaps unread, which reading needs not and a large disk has many of. */
export function debugfsArgs(disk: string, { verb, inode, attribute }: DebugfsRequest): string[] {
  return ["-c", "-R", [verb, `<${inode}>`, ...(attribute ? [attribute] : [])].join(" "), disk];
}

function options(signal: AbortSignal | undefined) {
  return {
    reject: false,
    stripFinalNewline: false,
    stdin: "ignore",
    env: { LC_ALL: "C", TZ: "UTC", PATH: toolPath(), DEBUGFS_PAGER: "__none__" },
    ...(signal ? { cancelSignal: signal } : {}),
  } as const;
}

/** It ends with 0 whatever happens; what it prints after its banner is what went wrong. */
function complaintIn(stderr: unknown): string | undefined {
  const text = Buffer.from((stderr as Uint8Array | undefined) ?? "").toString();
  return text.replace(/^debugfs [0-9].*\n/, "").trim() || undefined;
}

interface Failure {
  readonly isCanceled: boolean;
  readonly code?: string | undefined;
  readonly stderr?: unknown;
  readonly shortMessage?: string | undefined;
}

function toError(result: Failure, disk: string): BandSoxError {
  if (result.isCanceled) return new BandSoxError("interrupted", `interrupted while reading ${disk}`, {});
  if (result.code === "ENOENT")
    return new BandSoxError("tool_missing", "cannot run debugfs: it is not installed", { tool: "debugfs" });
  const output = (complaintIn(result.stderr) ?? result.shortMessage ?? "").slice(-SHOWN_CHARACTERS);
  const message = `cannot read ${disk}: ${output.split("\n")[0]}`;
  return new BandSoxError("tool_failed", message, { tool: "debugfs", output });
}
