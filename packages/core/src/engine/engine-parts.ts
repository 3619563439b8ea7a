// What the engines are made of, for the double of Firecracker and for the engines' own tests.
export { judgeKvm, kvmEvidence } from "../host/acceleration.ts";
export { helperPaths, vmmPaths } from "../host/paths.ts";
export { control } from "./control.ts";
export { REQUESTS as FIRECRACKER_REQUESTS } from "./firecracker/api/requests.ts";
export {
  type FirecrackerVersion,
  isAtLeast,
  parseFirecrackerVersion,
} from "./firecracker/capabilities.ts";
export { findFirecracker } from "./firecracker/find-firecracker.ts";
export { firecrackerEngine } from "./firecracker/firecracker-engine.ts";
export { Launcher } from "./launcher.ts";
export {
  type Acceleration as QemuAcceleration,
  kernelCommandLine as qemuKernelCommandLine,
  qemuCommandLine,
} from "./qemu/command-line.ts";
export { findQemu } from "./qemu/find-qemu.ts";

/** Firecracker's definitions by name. */
export type FirecrackerSchemas = typeof import("./firecracker/api/schemas.ts");
