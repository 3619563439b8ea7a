export {
  BandSoxError,
  type ErrorCode,
  type ExecEvent,
  type ExecResult,
  isBandSoxError,
  type VmInfo,
} from "@bandsox/contract";
export {
  type CreateStage,
  type DeleteOptions,
  type DoctorReport,
  defaultStorageDir,
  type ExecOptions,
  type PythonResult,
  type SetupStep,
  type StopOptions,
  Vm,
} from "@bandsox/core";
export { BandSox, type BandSoxOptions, type CreateVmOptions } from "./bandsox.ts";
export { doctor, type InitOptions, init } from "./setup.ts";
