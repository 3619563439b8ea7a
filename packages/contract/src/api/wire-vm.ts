import type { SnapshotDetails, SnapshotInfo } from "../snapshot.ts";
import type { VmInfo } from "../vm.ts";
import { fromWire, toWire, type Wire } from "./wire.ts";

type Replaced = "state" | "env" | "createdAt";
type Plain = Omit<VmInfo, Replaced>;

/** A VM as it travels: the fields of the first BandSox, and all of ours. */
export type WireVm = Wire<Plain> & {
  readonly status: VmInfo["state"];
  readonly env_vars: VmInfo["env"];
  /** Seconds since 1970 */
  readonly created_at: number;
  /** Whether commands can be run now */
  readonly agent_ready: boolean;
  readonly restored_from?: string | undefined;
  readonly pid: number | null;
  readonly network_config: Record<string, unknown> | null;
  readonly vsock_config: Record<string, unknown> | null;
};

/** A VM as it travels. */
export function toWireVm({ state, env, createdAt, ...plain }: VmInfo): WireVm {
  return {
    ...toWire(plain),
    ...{ status: state, env_vars: env, created_at: toSeconds(createdAt), agent_ready: state === "running" },
    ...(plain.snapshotId === undefined ? {} : { restored_from: plain.snapshotId }),
    ...{ pid: null, network_config: networkConfig(plain.network), vsock_config: null },
  };
}

/** Where the first BandSox's clients look for the guest's address. */
function networkConfig(network: VmInfo["network"]): WireVm["network_config"] {
  return network ? { guest_ip: network.address ?? network.guestAddress } : null;
}

/** A VM that travelled. */
export function fromWireVm(wire: WireVm): VmInfo {
  const {
    status,
    env_vars,
    created_at,
    agent_ready,
    restored_from,
    pid,
    network_config,
    vsock_config,
    ...plain
  } = wire;
  return {
    ...fromWire<Plain>(plain),
    ...{ state: status, env: env_vars, createdAt: fromSeconds(created_at) },
  };
}

type PlainSnapshot = Omit<SnapshotInfo, "name" | "vmId" | "createdAt" | "env">;

/** A snapshot as it travels: the fields of the first BandSox, and all of ours. */
export type WireSnapshot = Wire<PlainSnapshot> & {
  readonly snapshot_name: string;
  readonly source_vm_id: SnapshotInfo["vmId"];
  readonly env_vars: SnapshotInfo["env"];
  /** Seconds since 1970 */
  readonly created_at: number;
  readonly status: string;
  readonly network_config: Record<string, unknown> | null;
  readonly vsock_config: Record<string, unknown> | null;
};

/** All that is known of a snapshot, as it travels. */
export type WireSnapshotDetails = WireSnapshot & Wire<Omit<SnapshotDetails, keyof SnapshotInfo>>;

/** A snapshot as it travels. */
export function toWireSnapshot(snapshot: SnapshotDetails): WireSnapshotDetails;
export function toWireSnapshot(snapshot: SnapshotInfo): WireSnapshot;
export function toWireSnapshot({ name, vmId, env, createdAt, ...plain }: SnapshotInfo): WireSnapshot {
  return {
    ...toWire(plain),
    ...{ snapshot_name: name, source_vm_id: vmId, env_vars: env, created_at: toSeconds(createdAt) },
    ...{ status: "ready", network_config: null, vsock_config: null },
  };
}

/** A snapshot that travelled. */
export function fromWireSnapshot(wire: WireSnapshotDetails): SnapshotDetails;
export function fromWireSnapshot(wire: WireSnapshot): SnapshotInfo;
export function fromWireSnapshot(wire: WireSnapshot): SnapshotInfo {
  const {
    snapshot_name,
    source_vm_id,
    env_vars,
    created_at,
    status,
    network_config,
    vsock_config,
    ...plain
  } = wire;
  return {
    ...fromWire<PlainSnapshot>(plain),
    ...{ name: snapshot_name, vmId: source_vm_id, env: env_vars, createdAt: fromSeconds(created_at) },
  };
}

function toSeconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

function fromSeconds(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString();
}
