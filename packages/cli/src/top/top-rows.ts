import type { VmInfo, VmStats } from "bandsox";

/** A VM at one moment. */
export interface Sample {
  readonly vm: VmInfo;
  /** Absent while it does not run, or does not answer */
  readonly stats?: VmStats | undefined;
}

/** What `top` shows of a VM. What is not known of it, as of one that does not run, is absent. */
export interface TopRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Of one processor: two busy ones are 200 */
  readonly cpuPercent?: number;
  readonly memUsedBytes?: number;
  readonly memTotalBytes?: number;
  readonly diskUsedBytes?: number;
  readonly rxBytesPerSecond?: number;
  readonly txBytesPerSecond?: number;
  readonly processes?: number;
  readonly ageMs: number;
}

const MS_PER_SECOND = 1000;
const PERCENT = 100;

/** What happened between two looks at the same VMs; the earlier one may lack some of them. */
export function topRows(
  samples: readonly Sample[],
  { earlier, now }: { earlier: readonly Sample[]; now: Date },
): TopRow[] {
  const before = new Map(earlier.map(({ vm, stats }) => [vm.id, stats]));
  return samples.map(({ vm, stats }) => ({
    ...{ id: vm.id, name: vm.name, state: vm.state },
    ageMs: Math.max(0, now.getTime() - Date.parse(vm.createdAt)),
    ...(stats ? levels(stats) : {}),
    ...(stats ? rates(stats, before.get(vm.id)) : {}),
  }));
}

function levels({ memory, disk, processes }: VmStats) {
  return {
    memUsedBytes: memory.totalBytes - memory.availableBytes,
    memTotalBytes: memory.totalBytes,
    diskUsedBytes: disk.usedBytes,
    processes,
  };
}

/** Without an earlier look, what was since the guest began. */
function rates(stats: VmStats, before: VmStats | undefined) {
  // A guest that began anew counts from nothing.
  const since = before && before.uptimeMs <= stats.uptimeMs ? before : undefined;
  const elapsedMs = stats.uptimeMs - (since?.uptimeMs ?? 0);
  if (elapsedMs <= 0) return {};
  const perSecond = (later: number, sooner = 0) =>
    Math.max(0, (later - sooner) / (elapsedMs / MS_PER_SECOND));
  const cpuPercent = ((stats.cpu.usedMs - (since?.cpu.usedMs ?? 0)) / elapsedMs) * PERCENT;
  const { network } = stats;
  return {
    cpuPercent: Math.max(0, cpuPercent),
    ...(network
      ? {
          rxBytesPerSecond: perSecond(network.rxBytes, since?.network?.rxBytes),
          txBytesPerSecond: perSecond(network.txBytes, since?.network?.txBytes),
        }
      : {}),
  };
}

/** By what rows are ordered: the key that chooses it, and how. */
export const ORDERS = {
  cpu: { key: "c", of: (row: TopRow) => -(row.cpuPercent ?? -1) },
  memory: { key: "m", of: (row: TopRow) => -(row.memUsedBytes ?? -1) },
  disk: { key: "d", of: (row: TopRow) => -(row.diskUsedBytes ?? -1) },
  network: { key: "n", of: (row: TopRow) => -((row.rxBytesPerSecond ?? -1) + (row.txBytesPerSecond ?? 0)) },
  age: { key: "a", of: (row: TopRow) => row.ageMs },
  name: { key: "N", of: (row: TopRow) => row.name },
  state: { key: "s", of: (row: TopRow) => row.state },
} as const;
export type Order = keyof typeof ORDERS;

/** Most first, or the reverse; equal rows by name. */
export function ordered(
  rows: readonly TopRow[],
  { order, isReversed }: { order: Order; isReversed: boolean },
): TopRow[] {
  const { of } = ORDERS[order];
  const sorted = [...rows].sort((a, b) => compare(of(a), of(b)) || compare(a.name, b.name));
  return isReversed ? sorted.reverse() : sorted;
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
