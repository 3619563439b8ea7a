import { z } from "zod";

const Bytes = z.number().min(0);
const Percent = z.number().min(0);
/** How much of the time work waited for a resource, in percent of the last 10 and 60 seconds. */
const Pressure = z.object({ some10: Percent, some60: Percent, full10: Percent, full60: Percent });

/** How a guest is doing, as it says itself. */
export const GuestStats = z.object({
  /** ms since 1970, by the guest's clock */
  at: z.number(),
  uptimeMs: z.number(),
  cpu: z.object({
    count: z.int().min(0),
    usedMs: z.number(),
    idleMs: z.number(),
    /** Time the host gave to others */
    stealMs: z.number(),
  }),
  memory: z.object({ totalBytes: Bytes, availableBytes: Bytes, freeBytes: Bytes, cachedBytes: Bytes }),
  /** The guest's root file system */
  disk: z.object({
    totalBytes: Bytes,
    usedBytes: Bytes,
    availableBytes: Bytes,
    inodesTotal: z.number(),
    inodesUsed: z.number(),
  }),
  processes: z.int().min(0),
  /** Load over 1, 5 and 15 minutes */
  load: z.tuple([z.number(), z.number(), z.number()]),
  /** Absent where the guest's kernel does not measure it */
  pressure: z.object({ cpu: Pressure, memory: Pressure, io: Pressure }).optional(),
  oomKills: z.int().min(0),
  agentRssBytes: Bytes,
  network: z.object({ rxBytes: Bytes, txBytes: Bytes }).optional(),
  io: z.object({ readBytes: Bytes, writtenBytes: Bytes }),
});
export type GuestStats = z.infer<typeof GuestStats>;

const Count = z.number().min(0);

/** What the VMM has counted of a VM on the host since it was started, restored or resumed from a golden. */
export const VmmStats = z.object({
  /** ms since 1970, by the host's clock */
  at: z.number(),
  /** Of the VM's own disk */
  disk: z.object({
    readBytes: Bytes,
    writtenBytes: Bytes,
    reads: Count,
    writes: Count,
    flushes: Count,
    /** How often one of its limits held it up */
    throttled: Count,
  }),
  network: z.object({ rxBytes: Bytes, txBytes: Bytes, rxPackets: Count, txPackets: Count }).optional(),
  /** Everything between the host and the guest's agent, where that is how it is reached */
  vsock: z.object({ rxBytes: Bytes, txBytes: Bytes }).optional(),
  /** How much memory the guest is to do without, and does without now; see `Vm.reclaimMemory` */
  reclaimed: z.object({ targetMib: Count, actualMib: Count }).optional(),
});
export type VmmStats = z.infer<typeof VmmStats>;

/** How a VM is doing: what its guest says, and what its VMM has counted where the engine counts. */
export const VmStats = GuestStats.extend({ vmm: VmmStats.optional() });
export type VmStats = z.infer<typeof VmStats>;

/** A process in a guest. */
export const GuestProcess = z.object({
  pid: z.int(),
  ppid: z.int(),
  user: z.string().max(256),
  name: z.string().max(256),
  command: z.string().max(65_536),
  state: z.string().max(32),
  rssBytes: Bytes,
  cpuMs: z.number(),
  /** ms since 1970, by the guest's clock */
  startedAt: z.number(),
});
export type GuestProcess = z.infer<typeof GuestProcess>;

/** A process the guest's kernel killed because memory ran out. */
export const OomKill = z.object({
  /** ms since 1970, by the guest's clock */
  at: z.number(),
  pid: z.int(),
  name: z.string().max(256),
  rssBytes: Bytes,
  cgroup: z.string().max(4096).optional(),
});
export type OomKill = z.infer<typeof OomKill>;
