import type { GuestProcess, GuestStats, OomKill, VmmStats } from "@bandsox/contract";

const pressure = { some10: 0, some60: 0.5, full10: 0, full60: 0 };
const MEBIBYTE = 1024 * 1024;

/** What an agent double says of its health. */
export const FAKE_STATS: GuestStats = {
  at: 1_700_000_000_000,
  uptimeMs: 65_000,
  cpu: { count: 2, usedMs: 1500, idleMs: 128_000, stealMs: 0 },
  memory: {
    totalBytes: 256 * MEBIBYTE,
    availableBytes: 128 * MEBIBYTE,
    freeBytes: 100 * MEBIBYTE,
    cachedBytes: 20 * MEBIBYTE,
  },
  disk: {
    totalBytes: 1024 * MEBIBYTE,
    usedBytes: 256 * MEBIBYTE,
    availableBytes: 768 * MEBIBYTE,
    inodesTotal: 65_536,
    inodesUsed: 900,
  },
  processes: 7,
  load: [0.5, 0.25, 0.1],
  pressure: { cpu: pressure, memory: pressure, io: pressure },
  oomKills: 1,
  agentRssBytes: 9 * MEBIBYTE,
  io: { readBytes: 3 * MEBIBYTE, writtenBytes: MEBIBYTE },
};

/** What a fake engine has counted of any VM. */
export const FAKE_VMM_STATS: VmmStats = {
  at: 1_700_000_000_000,
  disk: {
    ...{ readBytes: 3 * MEBIBYTE, writtenBytes: MEBIBYTE, reads: 300, writes: 100, flushes: 2 },
    throttled: 4,
  },
  network: { rxBytes: 1000, txBytes: 500, rxPackets: 10, txPackets: 5 },
  vsock: { rxBytes: 2000, txBytes: 3000 },
};

export const FAKE_PROCESS: GuestProcess = {
  ...{ pid: 1, ppid: 0, user: "root", name: "agent", command: "/agent", state: "S" },
  ...{ rssBytes: 9 * MEBIBYTE, cpuMs: 30, startedAt: 1_699_999_935_000 },
};

export const FAKE_OOM_KILL: OomKill = {
  at: 1_699_999_990_000,
  pid: 33,
  name: "hog",
  rssBytes: 200 * MEBIBYTE,
};

/** The answer to a call about health, as text; `undefined` for any other call. */
export function healthAnswer(url: URL): string | undefined {
  if (url.pathname === "/v1/stats") return JSON.stringify(FAKE_STATS);
  if (url.pathname === "/v1/processes") return JSON.stringify({ processes: [FAKE_PROCESS] });
  if (url.pathname === "/v1/oom") return JSON.stringify({ kills: [FAKE_OOM_KILL] });
  if (url.pathname !== "/v1/kernel-log") return undefined;
  return "[    0.000000] Linux version fake\n".slice(-Number(url.searchParams.get("bytes")));
}
