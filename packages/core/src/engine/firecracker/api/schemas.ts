/**
 * What Firecracker's API takes, by the names its own description gives the definitions; `schemas.drift.test.ts` holds the
 * two together. Unknown fields are refused, as Firecracker refuses them.
 */
import { z } from "zod";

const whole = z.int();
const count = whole.min(0);

export const TokenBucket = z.strictObject({
  size: count,
  /** Time to fill an empty bucket, in ms */
  refill_time: count,
  one_time_burst: count.optional(),
});

export const RateLimiter = z.strictObject({
  /** In bytes */
  bandwidth: TokenBucket.optional(),
  ops: TokenBucket.optional(),
});

export const BootSource = z.strictObject({
  kernel_image_path: z.string(),
  initrd_path: z.string().optional(),
  boot_args: z.string().optional(),
});

export const MachineConfiguration = z.strictObject({
  vcpu_count: whole.min(1).max(32),
  mem_size_mib: whole,
  smt: z.boolean().optional(),
  track_dirty_pages: z.boolean().optional(),
  huge_pages: z.enum(["None", "Transparent", "2M"]).optional(),
  cpu_template: z.enum(["C3", "T2", "T2S", "T2CL", "T2A", "V1N1", "None"]).optional(),
});

export const Drive = z.strictObject({
  drive_id: z.string(),
  is_root_device: z.boolean(),
  path_on_host: z.string().optional(),
  is_read_only: z.boolean().optional(),
  partuuid: z.string().optional(),
  cache_type: z.enum(["Unsafe", "Writeback"]).optional(),
  io_engine: z.enum(["Sync", "Async"]).optional(),
  rate_limiter: RateLimiter.optional(),
  socket: z.string().optional(),
});

export const PartialDrive = z.strictObject({
  drive_id: z.string(),
  path_on_host: z.string().optional(),
  rate_limiter: RateLimiter.optional(),
});

export const NetworkInterface = z.strictObject({
  iface_id: z.string(),
  host_dev_name: z.string(),
  guest_mac: z.string().optional(),
  mtu: whole.min(68).max(65_535).optional(),
  rx_rate_limiter: RateLimiter.optional(),
  tx_rate_limiter: RateLimiter.optional(),
});

export const PartialNetworkInterface = z.strictObject({
  iface_id: z.string(),
  rx_rate_limiter: RateLimiter.optional(),
  tx_rate_limiter: RateLimiter.optional(),
});

export const Vsock = z.strictObject({
  guest_cid: whole.min(3),
  uds_path: z.string(),
  vsock_id: z.string().optional(),
});

export const EntropyDevice = z.strictObject({ rate_limiter: RateLimiter.optional() });

export const SerialDevice = z.strictObject({
  serial_out_path: z.string().optional(),
  rate_limiter: TokenBucket.optional(),
});

export const Balloon = z.strictObject({
  amount_mib: whole,
  deflate_on_oom: z.boolean(),
  stats_polling_interval_s: whole.optional(),
  free_page_hinting: z.boolean().optional(),
  free_page_reporting: z.boolean().optional(),
});

/** Its sizes are the host's, all else the guest's. */
export const BalloonStats = z.looseObject({
  target_pages: whole,
  actual_pages: whole,
  target_mib: whole,
  actual_mib: whole,
  swap_in: whole.optional(),
  swap_out: whole.optional(),
  major_faults: whole.optional(),
  minor_faults: whole.optional(),
  free_memory: whole.optional(),
  total_memory: whole.optional(),
  available_memory: whole.optional(),
  disk_caches: whole.optional(),
  hugetlb_allocations: whole.optional(),
  hugetlb_failures: whole.optional(),
  oom_kill: whole.optional(),
  alloc_stall: whole.optional(),
  async_scan: whole.optional(),
  direct_scan: whole.optional(),
  async_reclaim: whole.optional(),
  direct_reclaim: whole.optional(),
});

export const BalloonUpdate = z.strictObject({ amount_mib: whole });

export const BalloonStatsUpdate = z.strictObject({ stats_polling_interval_s: whole });

export const Logger = z.strictObject({
  level: z.enum(["Error", "Warning", "Info", "Debug", "Trace", "Off"]).optional(),
  log_path: z.string().optional(),
  show_level: z.boolean().optional(),
  show_log_origin: z.boolean().optional(),
  module: z.string().optional(),
});

export const Metrics = z.strictObject({
  metrics_path: z.string(),
  emit_id: z.boolean().optional(),
  properties: z.record(z.string(), z.string()).optional(),
});

export const InstanceActionInfo = z.strictObject({
  action_type: z.enum(["FlushMetrics", "InstanceStart", "SendCtrlAltDel"]),
});

export const Vm = z.strictObject({ state: z.enum(["Paused", "Resumed"]) });

export const SnapshotCreateParams = z.strictObject({
  mem_file_path: z.string(),
  snapshot_path: z.string(),
  snapshot_type: z.enum(["Full", "Diff"]).optional(),
});

export const MemoryBackend = z.strictObject({
  backend_type: z.enum(["File", "Uffd"]),
  backend_path: z.string(),
});

export const NetworkOverride = z.strictObject({ iface_id: z.string(), host_dev_name: z.string() });

export const VsockOverride = z.strictObject({ uds_path: z.string() });

export const SnapshotLoadParams = z.strictObject({
  snapshot_path: z.string(),
  mem_backend: MemoryBackend.optional(),
  mem_file_path: z.string().optional(),
  enable_diff_snapshots: z.boolean().optional(),
  track_dirty_pages: z.boolean().optional(),
  resume_vm: z.boolean().optional(),
  network_overrides: z.array(NetworkOverride).optional(),
  vsock_override: VsockOverride.optional(),
  clock_realtime: z.boolean().optional(),
  huge_pages: z.enum(["Snapshot", "None", "Transparent", "2M"]).optional(),
});

/** A refusal. */
export const Fault = z.looseObject({ fault_message: z.string().optional() });

export const InstanceInfo = z.looseObject({
  app_name: z.string(),
  id: z.string(),
  state: z.enum(["Not started", "Running", "Paused"]),
  vmm_version: z.string(),
});

export const FirecrackerVersion = z.looseObject({ firecracker_version: z.string() });
