import type { PoolId, SnapshotId, VmId } from "@bandsox/contract";
import type { Operations } from "../base/operations.ts";
import type { LayerDisks } from "../disk/layer-disk.ts";
import type { Engine } from "../engine/engine.ts";
import type { GuestConnections } from "../guest/guest-connections.ts";
import type { PingLines } from "../guest/ping-lines.ts";
import type { Moment } from "../host/moment.ts";
import type { StoragePaths } from "../host/paths.ts";
import type { ImageStore } from "../image/image-store.ts";
import type { Networks } from "../network/networks.ts";
import type { SnapshotArchives } from "../snapshot/archive/archives.ts";
import type { Differences } from "../snapshot/differences.ts";
import type { EventLog } from "../store/event-log.ts";
import type { Leases } from "../store/leases.ts";
import type { Ledger } from "../store/ledger.ts";
import type { PoolRecords } from "../store/pool-records.ts";
import type { SnapshotRecords } from "../store/snapshot-records.ts";
import type { Staging } from "../store/staging.ts";
import type { VmEnds } from "../store/vm-ends.ts";
import type { VmRecords } from "../store/vm-records.ts";

/** What every guest boots: our kernel and our initramfs. */
export interface BootFiles {
  readonly vmlinuxPath: string;
  readonly initramfsPath: string;
}

/** What working on VMs needs of the world. */
export interface VmPorts {
  readonly paths: StoragePaths;
  readonly operations: Operations;
  readonly records: VmRecords;
  readonly ends: VmEnds;
  readonly snapshots: SnapshotRecords;
  readonly events: EventLog;
  readonly pools: PoolRecords;
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly staging: Staging;
  readonly images: Pick<ImageStore, "resolve" | "ensureBaseDisk" | "adoptBaseDisk">;
  readonly archives: SnapshotArchives;
  readonly differences: Differences;
  readonly connections: GuestConnections;
  readonly pings: PingLines;
  readonly networks: Networks;
  readonly layerDisks: Pick<LayerDisks, "create">;
  /** The engine new VMs get. @throws {BandSoxError} `engine_unavailable` */
  defaultEngine(): Engine;
  /** The engine that runs an existing VM. @throws {BandSoxError} `engine_unavailable` */
  engine(name: string): Engine;
  /** @throws {BandSoxError} `kernel_missing` */
  bootFiles(): Promise<BootFiles>;
  /** Told what was recovered from or put off; nobody's call fails for it */
  warn(message: string): void;
  /** Has a pool filled from which a VM was taken; returns at once */
  refill(id: PoolId): void;
  newId(): VmId;
  newPoolId(): PoolId;
  newSnapshotId(): SnapshotId;
  now(): Date;
  /** Now, by both clocks of the host */
  moment(): Moment;
}

/** Exclusive right to change one VM, across processes. */
export function lockVm(ports: Pick<VmPorts, "leases">, id: VmId, signal?: AbortSignal): Promise<Disposable> {
  return ports.leases.acquire(vmKey(id), signal);
}

/** The lease key of one VM. */
export function vmKey(id: VmId): string {
  return `vm:${id}`;
}
