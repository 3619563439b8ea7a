// the storage and its VMs

export type { Core } from "./core.ts";
// what runs in a VM
export { ExecHandle } from "./guest/exec-handle.ts";
export type { StdinInput } from "./guest/stdin-source.ts";
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
// its ports
export type { ConnectOptions } from "./vm/connect.ts";
export type { CreateOptions, CreateStage } from "./vm/create-vm.ts";
export type { ExecOptions } from "./vm/exec-options.ts";
export type { ForwardedPort, ForwardPortOptions } from "./vm/forward-port.ts";
export type { HttpRequestOptions, HttpResponse } from "./vm/http-request.ts";
export type { PythonResult } from "./vm/python.ts";
export type { PythonOptions } from "./vm/python-run.ts";
export { type AttachOptions, Session } from "./vm/session.ts";
export type { DeleteOptions, StopOptions } from "./vm/stop-vm.ts";
export { Terminal, type TerminalOptions } from "./vm/terminal.ts";
export { Vm } from "./vm/vm.ts";
export { type SessionOptions, VmSessions } from "./vm/vm-sessions.ts";
