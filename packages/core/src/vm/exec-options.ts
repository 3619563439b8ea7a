import type { ExecSpec } from "@bandsox/contract";
import { z } from "zod";
import type { StdinInput } from "../guest/stdin-source.ts";

const OUTPUT_MAX_BYTES = 512 * 1024 * 1024;

/** How to run a command; see `ExecSpec` for each field. */
export interface ExecOptions extends Omit<z.input<typeof ExecSpec>, "argv"> {
  /** What the command reads (default: nothing); a stream that is not read to its end is given up */
  stdin?: StdinInput;
  /** What a result keeps of each stream, in bytes (default: 16 MiB); more is dropped, and said to be */
  maxOutputBytes?: number;
  /** Kills the command's process group when it fires; the call then rejects with `interrupted` */
  signal?: AbortSignal;
}

/** What may be asked of a result. */
export const Capture = z.object({ maxOutputBytes: z.int().min(1).max(OUTPUT_MAX_BYTES).optional() });
