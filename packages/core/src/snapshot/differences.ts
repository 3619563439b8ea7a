import { callImageHelper } from "../image/image-helper.ts";

/** A file, as what it has otherwise than another. */
export interface Difference {
  readonly base: string;
  readonly difference: string;
}

export interface DifferenceOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Keeps files as what they have otherwise than others of their size. What is written is new, and on the disk. */
export interface Differences {
  /** Writes to `difference` what `file` has otherwise than `base`. @throws {BandSoxError} `disk_full`, `interrupted` */
  write(file: string, into: Difference, options: DifferenceOptions): Promise<void>;
  /** Writes the file again. @throws {BandSoxError} `snapshot_invalid` when it is none, `disk_full`, `interrupted` */
  apply(from: Difference, file: string, options: DifferenceOptions): Promise<void>;
}

/** Differences written and read by the Go helper. */
export function helperDifferences(helperPath: string): Differences {
  const call = async (args: readonly string[], reference: string, { signal }: DifferenceOptions) => {
    await callImageHelper({ helperPath, args, reference, signal }, "snapshot");
  };
  return {
    write: (file, { base, difference }, options) =>
      call(["diff", "--output", difference, base, file], difference, options),
    apply: ({ base, difference }, file, options) =>
      call(["apply", "--output", file, base, difference], difference, options),
  };
}
