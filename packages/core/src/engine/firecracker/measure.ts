import type { VmmStats } from "@bandsox/contract";
import { z } from "zod";
import { jsonFile } from "../../host/json-file.ts";
import type { VmPaths } from "../../host/paths.ts";
import { control } from "../control.ts";

const counted = z.number().min(0).default(0);
const Disk = z.object({
  ...{ read_bytes: counted, write_bytes: counted, read_count: counted, write_count: counted },
  ...{ flush_count: counted, rate_limiter_throttled_events: counted },
});
const Interface = z.object({
  ...{ rx_bytes_count: counted, tx_bytes_count: counted },
  ...{ rx_packets_count: counted, tx_packets_count: counted },
});
const Vsock = z.object({ rx_bytes_count: counted, tx_bytes_count: counted });

/** What is used of Firecracker's metrics, by the names its code gives them: a device's are called after its id. */
const Metrics = z.object({
  utc_timestamp_ms: z.number(),
  block_layer: Disk.optional(),
  net_eth0: Interface.optional(),
  vsock: Vsock.optional(),
});
type Metrics = z.infer<typeof Metrics>;
const readMetrics = jsonFile(Metrics);

/** What a Firecracker has counted: as its supervisor has kept it, or as it counts now. */
export async function measure(
  paths: VmPaths,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<VmmStats | undefined> {
  if (!fresh) return toStats(readMetrics(paths.metrics));
  const { measures } = await control(paths, { action: "measure" });
  const stats = toStats(Metrics.safeParse(measures?.counted).data);
  const reclaimed = measures?.balloon;
  return stats && { ...stats, ...(reclaimed ? { reclaimed } : {}) };
}

function toStats(metrics: Metrics | undefined): VmmStats | undefined {
  if (!metrics) return undefined;
  const { utc_timestamp_ms: at, block_layer, net_eth0, vsock } = metrics;
  const disk = block_layer ?? Disk.parse({});
  return {
    at,
    disk: {
      ...{ readBytes: disk.read_bytes, writtenBytes: disk.write_bytes },
      ...{ reads: disk.read_count, writes: disk.write_count, flushes: disk.flush_count },
      throttled: disk.rate_limiter_throttled_events,
    },
    ...(net_eth0 ? { network: { ...bytesOf(net_eth0), ...packetsOf(net_eth0) } } : {}),
    ...(vsock ? { vsock: bytesOf(vsock) } : {}),
  };
}

/** In either direction, as the guest has it. */
function bytesOf({ rx_bytes_count, tx_bytes_count }: z.infer<typeof Vsock>) {
  return { rxBytes: rx_bytes_count, txBytes: tx_bytes_count };
}

function packetsOf({ rx_packets_count, tx_packets_count }: z.infer<typeof Interface>) {
  return { rxPackets: rx_packets_count, txPackets: tx_packets_count };
}
