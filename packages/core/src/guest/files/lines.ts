import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { FrameError } from "../frames.ts";
import type { FileChannel } from "./file-channel.ts";

/** Which lines, and what is shown around them. */
export interface ReadLinesOptions {
  /** Lines to skip (default: `0`) */
  offset?: number;
  /** Lines to take; `0` is all (default: `0`) */
  limit?: number;
  /** Begin each line with its number and a tab (default: `false`) */
  showLineNumbers?: boolean;
  /** Begin with `... skipped N lines` when lines were skipped (default: `true`) */
  showHeader?: boolean;
  /** End with `... N lines left` when lines remain (default: `true`) */
  showFooter?: boolean;
  /** Bytes kept in memory at most (default: 256 MiB) */
  maxBytes?: number;
  signal?: AbortSignal;
}

/** A window of a file's lines as the guest sent it. */
export interface LineWindow {
  readonly text: string;
  readonly skipped: number;
  /** Lines in the whole file; a newline ends a line, it does not begin one */
  readonly total: number;
}

const Count = z
  .string()
  .regex(/^[0-9]{1,15}$/)
  .transform(Number);
const Counts = z.object({ skipped: Count, total: Count });

/** Fetches a window of lines; only they travel. */
export async function fetchLines(
  channel: FileChannel,
  path: string,
  {
    offset,
    limit,
    maxBytes,
    signal,
  }: { offset: number; limit: number; maxBytes: number; signal?: AbortSignal | undefined },
): Promise<LineWindow> {
  const chunks: Uint8Array[] = [];
  let counts = { skipped: 0, total: 0 };
  let bytes = 0;
  const call = {
    task: { path, doing: "read lines of" },
    method: "POST",
    url: "/v1/files/lines",
    signal,
  } as const;
  const data = channel.receive(
    call,
    (answer) => {
      const parsed = Counts.safeParse({
        skipped: answer.header("x-lines-skipped"),
        total: answer.header("x-lines-total"),
      });
      if (!parsed.success || parsed.data.skipped > parsed.data.total)
        throw new FrameError("it does not say how many lines there are");
      counts = parsed.data;
      return answer.data(Number.POSITIVE_INFINITY);
    },
    { path, offset, limit },
  );
  for await (const chunk of data) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      const message = `cannot read lines of ${path} in ${channel.vmId}: they are more than ${maxBytes} bytes`;
      throw new BandSoxError("file_too_large", message, { path, vmId: channel.vmId, limitBytes: maxBytes });
    }
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString("utf8"), ...counts };
}

/** Puts the numbers, the header and the footer around a window of lines. */
export function formatLines(window: LineWindow, options: ReadLinesOptions = {}): string {
  const { showLineNumbers = false, showHeader = true, showFooter = true } = options;
  const { text, skipped, total } = window;
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const left = Math.max(0, total - skipped - lines.length);
  const shown = showLineNumbers ? lines.map((line, index) => `${skipped + index + 1}\t${line}`) : lines;
  const footer = showFooter && left > 0;
  const all = [
    ...(showHeader && skipped > 0 ? [`... skipped ${skipped} lines`] : []),
    ...shown,
    ...(footer ? [`... ${left} lines left`] : []),
  ];
  return all.join("\n") + (text.endsWith("\n") && !footer ? "\n" : "");
}
