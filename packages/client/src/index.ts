export { BandSoxClient, type CreateVmOptions } from "./bandsox-client.ts";
export { BandSoxError, isBandSoxError } from "./error.ts";
export type { Command, ExecOptions } from "./exec.ts";
export { ExecHandle } from "./exec-handle.ts";
export type { HttpRequestOptions, HttpResponse } from "./http-request.ts";
export type { PythonOptions, PythonResult } from "./python.ts";
export { RemoteSnapshots, type RestoreOptions } from "./snapshots.ts";
export type { ClientOptions } from "./transport.ts";
export { type ForkResult, RemoteVm } from "./vm.ts";
