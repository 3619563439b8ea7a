import type { DiskLimits, MachineSpec, SavedMachine } from "../engine.ts";
import type { ApiRequest } from "./api/requests.ts";
import type { FirecrackerFeatures } from "./capabilities.ts";
import { type FirecrackerTransport, kernelCommandLine } from "./kernel-command-line.ts";
import { isUnlimited, rateLimiter } from "./rate-limits.ts";

/** Every guest has the same address on its own vsock, which nothing but its own socket leads to. */
const GUEST_CID = 3;
const ENTROPY_BYTES_PER_S = 1024 ** 2;
const NETWORK_INTERFACE = "eth0";

/**
 * Empty until memory is to be taken back. A guest that needs the memory gets it. Its size is told only where statistics are
 * on; what they add, the guest tells better itself, so they are asked of it seldom.
 */
const BALLOON = { amount_mib: 0, deflate_on_oom: true, stats_polling_interval_s: 60 } as const;

/**
 * The files of a machine by the names its Firecracker knows them by: relative to its working directory, and so the same
 * for every machine that goes on from one save, which finds its own files under them.
 */
export const MACHINE_FILES = { base: "base.ext4", layer: "layer.ext4", vsock: "vsock.sock" } as const;

/** The device names the disks get in the guest: in the order they are configured. */
export const DEVICES = { base: "/dev/vda", layer: "/dev/vdb" } as const;

/** A network device of the host. */
export interface Tap {
  /** Name of the device in the VMM's network namespace */
  readonly name: string;
  /** The guest's address on the link */
  readonly guestMac: string;
  /** Told to the guest where the version can (default: the guest's own) */
  readonly mtu?: number;
}

export interface MachineConfigOptions {
  readonly machine: Pick<MachineSpec, "vcpu" | "memMib">;
  /** As the VMM sees them */
  readonly kernel: { readonly vmlinux: string; readonly initramfs: string };
  readonly vsockPath: string;
  readonly transport: FirecrackerTransport;
  /** Whether the guest has a serial line */
  readonly serial: boolean;
  readonly limits: DiskLimits;
  readonly features: FirecrackerFeatures;
  readonly tap?: Tap | undefined;
}

/** The TAP device of a machine that has one. */
export function tapOf({ nic }: Pick<MachineSpec, "nic">): Tap | undefined {
  if (nic?.backend.kind !== "tap") return undefined;
  return { name: nic.backend.tap, guestMac: nic.mac };
}

/** The requests that make a machine and start it, in order. */
export function bootRequests(options: MachineConfigOptions): ApiRequest[] {
  const { machine, kernel, transport, serial, features, limits, tap } = options;
  const { vcpu: vcpu_count, memMib: mem_size_mib } = machine;
  const entropy = { bandwidth: { size: ENTROPY_BYTES_PER_S, refill_time: 1000 } };
  return [
    { request: "PUT /machine-config", body: { vcpu_count, mem_size_mib, track_dirty_pages: false } },
    {
      request: "PUT /boot-source",
      body: {
        kernel_image_path: kernel.vmlinux,
        initrd_path: kernel.initramfs,
        boot_args: kernelCommandLine({ transport, serial }),
      },
    },
    drive("base", { readOnly: true }),
    drive("layer", { readOnly: false, limits }),
    { request: "PUT /entropy", body: { rate_limiter: entropy } },
    { request: "PUT /balloon", body: BALLOON },
    ...(transport === "vsock" ? [vsock(options.vsockPath)] : []),
    ...(tap ? [networkInterface(tap, features)] : []),
    { request: "PUT /actions", body: { action_type: "InstanceStart" } },
  ];
}

export interface LoadOptions {
  /** As the VMM sees it */
  readonly from: SavedMachine;
  readonly features: FirecrackerFeatures;
  /** Whether changed pages are to be known, so that the next save writes only them */
  readonly track: boolean;
  readonly limits: DiskLimits;
  readonly transport: FirecrackerTransport;
  readonly vsockPath: string;
  readonly tap?: Tap | undefined;
}

/**
 * The requests that go on from a saved machine: one that loads it and lets it run, and one that gives its disk this VM's
 * limits instead of the saved machine's.
 */
export function loadRequests(options: LoadOptions): ApiRequest[] {
  const { from, features, track, limits, transport, tap } = options;
  return [
    {
      request: "PUT /snapshot/load",
      body: {
        snapshot_path: from.state,
        mem_backend: { backend_type: "File", backend_path: from.memory },
        [features.trackDirtyPages ? "track_dirty_pages" : "enable_diff_snapshots"]: track,
        resume_vm: true,
        ...(transport === "vsock" && features.vsockOverride
          ? { vsock_override: { uds_path: options.vsockPath } }
          : {}),
        ...(tap && features.networkOverrides
          ? { network_overrides: [{ iface_id: NETWORK_INTERFACE, host_dev_name: tap.name }] }
          : {}),
      },
    },
    {
      request: "PATCH /drives/{id}",
      id: "layer",
      body: { drive_id: "layer", rate_limiter: rateLimiter(limits) },
    },
  ];
}

function drive(
  id: "base" | "layer",
  { readOnly, limits }: { readOnly: boolean; limits?: DiskLimits },
): ApiRequest {
  return {
    request: "PUT /drives/{id}",
    id,
    body: {
      drive_id: id,
      is_root_device: false,
      path_on_host: MACHINE_FILES[id],
      is_read_only: readOnly,
      // What the guest has flushed must be on the host's disk.
      ...(readOnly ? {} : { cache_type: "Writeback" }),
      io_engine: "Sync",
      ...(limits && !isUnlimited(limits) ? { rate_limiter: rateLimiter(limits) } : {}),
    },
  };
}

function vsock(uds_path: string): ApiRequest {
  return { request: "PUT /vsock", body: { guest_cid: GUEST_CID, uds_path } };
}

function networkInterface(tap: Tap, { mtu }: FirecrackerFeatures): ApiRequest {
  const body = {
    iface_id: NETWORK_INTERFACE,
    host_dev_name: tap.name,
    guest_mac: tap.guestMac,
    ...(mtu && tap.mtu !== undefined ? { mtu: tap.mtu } : {}),
  };
  return { request: "PUT /network-interfaces/{id}", id: NETWORK_INTERFACE, body };
}
