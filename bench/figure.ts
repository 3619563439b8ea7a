/** One measured number, beside what bounds it. */
export interface Figure {
  /** Benchmark, e.g. `B09` */
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What bounds it, measured in the same run; the ratio says how near the value comes */
  readonly beside?: { readonly name: string; readonly value: number; readonly ratio: number };
  /** Every sample the value was made from */
  readonly samples?: readonly number[];
}

/** A benchmark: measures on the given VM and tells its figures. */
export interface Benchmark {
  readonly id: string;
  readonly title: string;
  run(lab: Lab): Promise<Figure[]>;
}

/** What benchmarks run on. */
export interface Lab {
  readonly vm: import("bandsox").Vm;
  /** The storage of this run */
  readonly bandsox: import("bandsox").BandSox;
  readonly storageDir: string;
  /** The image of the VM */
  readonly image: string;
  /** Engine named for the run; the default one where it is none */
  readonly engine: string | undefined;
  /** Opens the storage of this run once more */
  reopen(): import("bandsox").BandSox;
  /** The socket of the VM's agent, for measuring the bare channel */
  readonly agentSocket: string;
  /** Scratch directory of this run */
  readonly dir: string;
  /** Full sizes (default), or smaller ones to try the suite itself */
  readonly quick: boolean;
}

/** The value below which the given share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Time one run of the work takes, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Times of several runs after some that do not count, in ms. */
export async function repeated(count: number, work: () => Promise<unknown>): Promise<number[]> {
  for (let warm = 0; warm < Math.min(20, count); warm++) await work();
  const samples: number[] = [];
  for (let run = 0; run < count; run++) samples.push(await timed(work));
  return samples;
}

/** Median and 99th percentile of times in ms, as figures. */
export function latency(id: string, name: string, samples: readonly number[], besideMs?: number): Figure[] {
  const p50 = quantile(samples, 0.5);
  const beside =
    besideMs === undefined
      ? {}
      : { beside: { name: "bare HTTP call", value: besideMs, ratio: p50 / besideMs } };
  return [
    { id, name: `${name}, p50`, value: p50, unit: "ms", samples, ...beside },
    { id, name: `${name}, p99`, value: quantile(samples, 0.99), unit: "ms" },
  ];
}

const MEBIBYTE = 1024 * 1024;

/** Throughput in MiB/s. */
export function rate(bytes: number, ms: number): number {
  return bytes / MEBIBYTE / (ms / 1000);
}
