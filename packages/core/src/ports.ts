// The ports of core and the adapters over files and SQLite, for testkit and for core's own tests.
export { OpenHandles } from "./base/open-handles.ts";
export { Operations } from "./base/operations.ts";
export { type Core, coreOf } from "./core.ts";
export type {
  BootedVmm,
  BootRequest,
  Engine,
  EngineCapabilities,
  MachineSpec,
  NicBackend,
  NicSpec,
  SavedMachine,
  VmmExit,
} from "./engine/engine.ts";
export { collect } from "./guest/collect.ts";
export { VmFiles } from "./guest/files/vm-files.ts";
export { GuestClient } from "./guest/guest-client.ts";
export { GuestConnections, type GuestEndpoint } from "./guest/guest-connections.ts";
export { PingLines } from "./guest/ping-lines.ts";
export { hostMoment, type Moment } from "./host/moment.ts";
export {
  helperPaths,
  type StoragePaths,
  storagePaths,
  type VmPaths,
  vmmPaths,
  vmPaths,
} from "./host/paths.ts";
export { ownIdentity, type ProcessIdentity } from "./host/process-identity.ts";
export { openImages } from "./image/open-images.ts";
export type { NetworkAttachment, Networks } from "./network/networks.ts";
export type { ArchivePaths, SnapshotArchives } from "./snapshot/archive/archives.ts";
export type { Difference, Differences } from "./snapshot/differences.ts";
export { Snapshots } from "./snapshot/snapshots.ts";
export { openDatabase } from "./store/database.ts";
export { EventLog } from "./store/event-log.ts";
export { Leases } from "./store/leases.ts";
export { Ledger } from "./store/ledger.ts";
export { PoolRecords } from "./store/pool-records.ts";
export { SnapshotRecords } from "./store/snapshot-records.ts";
export { Staging } from "./store/staging.ts";
export { VmEnds } from "./store/vm-ends.ts";
export { VmRecords } from "./store/vm-records.ts";
export { createVm } from "./vm/create-vm.ts";
export { makeMemoryFile } from "./vm/golden.ts";
export { Vm } from "./vm/vm.ts";
export { type VmGuest, vmGuest } from "./vm/vm-guest.ts";
export type { VmPorts } from "./vm/vm-ports.ts";
