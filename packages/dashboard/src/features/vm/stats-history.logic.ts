import type { VmStats } from "@bandsox/contract";

/** What the charts show of one moment. Rates are absent until there are two moments to compare. */
export interface Sample {
  /** Seconds since 1970 */
  readonly at: number;
  readonly cpuPercent: number | null;
  readonly memoryPercent: number;
  readonly diskPercent: number;
  readonly receivedPerSecond: number | null;
  readonly sentPerSecond: number | null;
  readonly readPerSecond: number | null;
  readonly writtenPerSecond: number | null;
}

/** Samples kept: at one every two seconds, five minutes. */
const KEPT = 150;

/** What two looks at a guest say. */
export function sampleOf(now: VmStats, before: VmStats | undefined): Sample {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = (to?: number, from?: number) =>
    seconds > 0 && to !== undefined && from !== undefined ? Math.max(0, (to - from) / seconds) : null;
  return {
    at: now.at / 1000,
    cpuPercent: before ? busyPercent(now.cpu, before.cpu) : null,
    memoryPercent: share(now.memory.totalBytes - now.memory.availableBytes, now.memory.totalBytes),
    diskPercent: share(now.disk.usedBytes, now.disk.totalBytes),
    receivedPerSecond: rate(now.network?.rxBytes, before?.network?.rxBytes),
    sentPerSecond: rate(now.network?.txBytes, before?.network?.txBytes),
    readPerSecond: rate(now.io.readBytes, before?.io.readBytes),
    writtenPerSecond: rate(now.io.writtenBytes, before?.io.writtenBytes),
  };
}

function busyPercent(now: VmStats["cpu"], before: VmStats["cpu"]): number | null {
  const used = now.usedMs - before.usedMs;
  const all = used + now.idleMs - before.idleMs + now.stealMs - before.stealMs;
  return all > 0 ? share(used, all) : null;
}

function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
}

/** The samples that are shown, with one more. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  // A guest whose clock went back, as after a roll-back, begins anew.
  if (last && sample.at <= last.at) return sample.at === last.at ? samples : [sample];
  return [...samples, sample].slice(-KEPT);
}
