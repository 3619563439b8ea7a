import type { HelperPaths } from "../../host/paths.ts";
import type { BootedVmm, BootRequest, Engine } from "../engine.ts";
import {
  findSupervisor,
  findTransport,
  findVmmExit,
  launchSupervisor,
  terminateSupervisor,
  waitForSupervisor,
} from "../supervisor.ts";
import { type Acceleration, DEVICES, type QemuTransport, qemuCommandLine } from "./command-line.ts";

/** The longest a guest may take until its agent answers; emulated ones on a loaded host are slow. */
const BOOT_TIMEOUT_MS = { kvm: 30_000, tcg: 180_000 } as const;

export interface QemuEngineOptions {
  /** QEMU's system emulator for this architecture */
  readonly binary: string;
  readonly helpers: HelperPaths;
  readonly acceleration: Acceleration;
  readonly transport: QemuTransport;
}

/** The `qemu` engine: QEMU's microvm machine, on KVM where it works, emulated elsewhere. */
export function qemuEngine(options: QemuEngineOptions): Engine {
  return {
    name: "qemu",
    capabilities: { networking: false, acceleration: options.acceleration.kind },
    boot: (request) => boot(options, request),
    find: findSupervisor,
    findTransport,
    terminate: terminateSupervisor,
    waitForExit: waitForSupervisor,
    findExit: findVmmExit,
  };
}

async function boot(options: QemuEngineOptions, request: BootRequest): Promise<BootedVmm> {
  const argv = qemuCommandLine({
    binary: options.binary,
    machine: request.machine,
    acceleration: options.acceleration,
    transport: options.transport,
    channelSocket: "channel.sock",
  });
  const times = await launchSupervisor({
    vmId: request.vmId,
    paths: request.paths,
    helperPath: options.helpers.supervise,
    argv,
    transport: options.transport,
    bootTimeoutMs: BOOT_TIMEOUT_MS[options.acceleration.kind],
    signal: request.signal,
  });
  const supervisor = findSupervisor(request.paths);
  if (!supervisor) throw new Error(`${request.vmId} ended as soon as its agent answered`);
  return { supervisor, ...times, devices: DEVICES };
}
