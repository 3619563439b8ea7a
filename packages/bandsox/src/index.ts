export {
  BandSoxError,
  type ErrorCode,
  type ExecEvent,
  type ExecResult,
  type ImageDetails,
  type ImageHistoryEntry,
  type ImageInfo,
  type ImageRemoval,
  type ImageUsage,
  isBandSoxError,
  type VmInfo,
} from "@bandsox/contract";
export {
  type BuildOptions,
  type CreateStage,
  type DoctorReport,
  defaultStorageDir,
  type ExecOptions,
  type FetchOptions,
  type ImportOptions,
  type OfflineEntry,
  type OfflineFiles,
  type OpenDisks,
  type PythonResult,
  type SetupStep,
  type StopOptions,
  Vm,
} from "@bandsox/core";
export { BandSox, type BandSoxOptions, type CreateVmOptions } from "./bandsox.ts";
export type { Images } from "./images.ts";
export { doctor, type InitOptions, type InitResult, init } from "./setup.ts";
