// the storage and its VMs

export type { Core } from "./core.ts";
// files in guests
export type { DownloadOptions } from "./guest/files/download-file.ts";
export type { ReadLinesOptions } from "./guest/files/lines.ts";
export type {
  DownloadTreeOptions,
  ExtractOptions,
  TreeOptions,
  UploadTreeOptions,
} from "./guest/files/transfer-tree.ts";
export type { PlaceOptions, UploadOptions } from "./guest/files/upload-file.ts";
export {
  type FileContent,
  type ReadOptions,
  type ReadWholeOptions,
  VmFiles,
} from "./guest/files/vm-files.ts";
export { FileWatch, type WatchOptions } from "./guest/files/watch.ts";
// where things are
export { defaultBinDir, defaultStorageDir } from "./host/paths.ts";
// images
export type { DebianRecipe } from "./image/debian-image.ts";
export type { HelperEvent } from "./image/image-helper.ts";
export { type CoreOptions, openCore } from "./open-core.ts";
// setting up a machine
export { type BootFiles, readBootFiles } from "./setup/boot-files.ts";
export { type DoctorReport, runDoctor } from "./setup/doctor.ts";
export type { DoctorCheck } from "./setup/doctor-check.ts";
export { type EnsureBootFilesOptions, ensureBootFiles } from "./setup/ensure-boot-files.ts";
export type { SetupStep } from "./setup/setup-step.ts";
export type { CreateOptions, CreateStage } from "./vm/create-vm.ts";
export type { PythonResult } from "./vm/python.ts";
export type { DeleteOptions, StopOptions } from "./vm/stop-vm.ts";
export { type ExecOptions, Vm } from "./vm/vm.ts";
