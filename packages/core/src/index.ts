// the storage and its VMs

export type { Core, ListOptions } from "./core.ts";
export type { OfflineEntry, OfflineFiles } from "./disk/offline/offline-files.ts";
export type { EngineSettings } from "./engine/engines.ts";
export { VMM_STEPS, type VmmStep } from "./engine/vmm-steps.ts";
// what runs in a VM
export { ExecHandle } from "./guest/exec-handle.ts";
// files in guests
export type { DownloadOptions } from "./guest/files/download-file.ts";
// files between this machine and a guest somebody else reaches
export { replaceFile } from "./guest/files/host-file.ts";
export type { ReadLinesOptions } from "./guest/files/lines.ts";
export { packTree } from "./guest/files/pack-tree.ts";
export { ArchiveError } from "./guest/files/tar-path.ts";
export type {
  DownloadTreeOptions,
  ExtractOptions,
  TreeOptions,
  UploadTreeOptions,
} from "./guest/files/transfer-tree.ts";
export { unpackTree } from "./guest/files/unpack-tree.ts";
export type { PlaceOptions, UploadOptions } from "./guest/files/upload-file.ts";
export {
  type FileContent,
  type ReadOptions,
  type ReadWholeOptions,
  VmFiles,
} from "./guest/files/vm-files.ts";
export { FileWatch, type WatchOptions } from "./guest/files/watch.ts";
export type { StdinInput } from "./guest/stdin-source.ts";
// where things are
export { defaultBinDir, defaultStorageDir } from "./host/paths.ts";
// images
export type { BuildOptions } from "./image/build/build-image.ts";
export type { DebianRecipe } from "./image/debian-image.ts";
export type { HelperEvent } from "./image/image-helper.ts";
export type { FetchOptions, ImportedConfig } from "./image/image-store.ts";
export type { ImportOptions } from "./image/images.ts";
export type { RegistryAccess } from "./image/registry-access.ts";
// networks
export type { NetworkOptions } from "./network/open-networks.ts";
export { type CoreOptions, openCore } from "./open-core.ts";
// setting up a machine
export { type BootFiles, readBootFiles } from "./setup/boot-files.ts";
export { type DoctorReport, runDoctor } from "./setup/doctor.ts";
export type { DoctorCheck } from "./setup/doctor-check.ts";
export { type EnsureBootFilesOptions, ensureBootFiles } from "./setup/ensure-boot-files.ts";
export { type GivenRootfs, ROOTFS_IMAGE } from "./setup/given-rootfs.ts";
export { provideHelpers } from "./setup/packed-helpers.ts";
export { type GivenCni, setUpCni } from "./setup/set-up-cni.ts";
export {
  type GivenFirecracker,
  type InstalledFirecracker,
  setUpFirecracker,
} from "./setup/set-up-firecracker.ts";
export type { SetupStep } from "./setup/setup-step.ts";
// snapshots
export type { ArchiveOptions } from "./snapshot/archive/archives.ts";
export type { ImportSnapshotOptions } from "./snapshot/archive/import-snapshot.ts";
export type { DeleteSnapshotOptions } from "./snapshot/delete-snapshot.ts";
export type { ForkOptions, ForkResult } from "./snapshot/fork-vm.ts";
export type { RestoreOptions } from "./snapshot/restore-snapshot.ts";
export { Snapshots } from "./snapshot/snapshots.ts";
export type { SnapshotOptions } from "./snapshot/take-snapshot.ts";
export type { CleanupOptions } from "./vm/cleanup.ts";
// its ports
export type { ConnectOptions } from "./vm/connect.ts";
export type { CreateOptions } from "./vm/create-vm.ts";
export type { ExecOptions } from "./vm/exec-options.ts";
export {
  type ForwardedPort,
  type ForwardPortOptions,
  forwardConnections,
  type WayIn,
} from "./vm/forward-port.ts";
export type { MeasuredVm } from "./vm/host-view.ts";
export type { HttpRequestOptions, HttpResponse } from "./vm/http-request.ts";
export type { OpenDisks } from "./vm/open-disks.ts";
export type { PythonOptions, PythonStreamOptions } from "./vm/python-run.ts";
export { type AttachOptions, Session } from "./vm/session.ts";
export type { CreateStage, StageOptions } from "./vm/stages.ts";
export type { DeleteOptions, StopOptions } from "./vm/stop-vm.ts";
export { Terminal, type TerminalOptions } from "./vm/terminal.ts";
export { Vm } from "./vm/vm.ts";
export { type SessionOptions, VmSessions } from "./vm/vm-sessions.ts";
