import type { VmPaths } from "../../host/paths.ts";
import { control } from "../control.ts";
import type { BootedVmm, BootRequest, Engine, MachineSpec, SaveDestination } from "../engine.ts";
import type { Launcher } from "../launcher.ts";
import {
  findMappedFile,
  findSupervisor,
  findTransport,
  findVmmExit,
  type LaunchTap,
  launchSupervisor,
  terminateSupervisor,
  waitForSupervisor,
} from "../supervisor.ts";
import { DEVICES, qemuCommandLine } from "./command-line.ts";
import type { FoundQemu } from "./find-qemu.ts";
import { qemuShape } from "./shape.ts";

/** The longest a guest may take until its agent answers; emulated ones on a loaded host are slow. */
const BOOT_TIMEOUT_MS = { kvm: 30_000, tcg: 180_000 } as const;

/** What of that the port has, before the console's line is tried */
const PORT_SHARE = 2 / 3;

export interface QemuEngineOptions {
  /** Starts the supervisors of its VMs */
  readonly launcher: Launcher;
  /** Looks for QEMU on this host; called for new VMs only. @throws {BandSoxError} `engine_unavailable` */
  readonly find: () => FoundQemu;
  /** Overrides how long a guest may take until its agent answers, in ms (default: by acceleration) */
  readonly bootTimeoutMs?: number | undefined;
}

/** The `qemu` engine: QEMU's microvm machine, on KVM where it works, emulated elsewhere. */
export function qemuEngine(options: QemuEngineOptions): Engine {
  return {
    name: "qemu",
    capabilities: {
      ...{ networking: ["tap", "user"], snapshots: true },
      ...{ diskLimits: false, reclaim: false },
    },
    check: () => void options.find(),
    boot: (request) => boot(options, request),
    shape: (machine) => qemuShape(options.find(), machine),
    async pause(paths) {
      await control(paths, { action: "pause" });
    },
    async resume(paths) {
      await control(paths, { action: "resume" });
    },
    save: (paths, into) => control(paths, saveRequest(paths, into)),
    measure: async () => undefined,
    async reclaim(paths, mib) {
      await control(paths, { action: "reclaim", mib });
    },
    mappedFile: findMappedFile,
    find: findSupervisor,
    findTransport,
    terminate: terminateSupervisor,
    waitForExit: waitForSupervisor,
    findExit: findVmmExit,
  };
}

/** QEMU is given its TAP device opened: its own process and sockets stay outside the guest's namespace. */
function tapOf({ nic }: MachineSpec): LaunchTap | undefined {
  if (nic?.backend.kind !== "tap") return undefined;
  const { tap: name, netns } = nic.backend;
  return { name, netns, handOver: "descriptor" };
}

function saveRequest(paths: VmPaths, { memory, state, layerDisk }: SaveDestination) {
  const layer = layerDisk === undefined ? {} : { layer: layerDisk, layerSource: paths.layerDisk };
  return { action: "save", memory, state, ...layer } as const;
}

async function boot(options: QemuEngineOptions, request: BootRequest): Promise<BootedVmm> {
  const { binary, acceleration, transport } = options.find();
  const bootTimeoutMs = options.bootTimeoutMs ?? BOOT_TIMEOUT_MS[acceleration.kind];
  const fallback = { readyPatienceMs: Math.ceil(bootTimeoutMs * PORT_SHARE) };
  const argv = qemuCommandLine({
    binary,
    machine: request.machine,
    acceleration,
    transport,
    channelSocket: "channel.sock",
    incoming: request.from !== undefined,
  });
  const times = await launchSupervisor({
    vmId: request.vmId,
    paths: request.paths,
    launcher: options.launcher,
    argv,
    transport,
    memoryFile: request.machine.memoryFile,
    incoming: request.from?.state,
    layerFrom: request.layerFrom,
    tap: tapOf(request.machine),
    network: request.network,
    ...{ bootTimeoutMs, fallback: transport === "virtio-serial" ? fallback : undefined },
    signal: request.signal,
  });
  const supervisor = findSupervisor(request.paths);
  if (!supervisor) throw new Error(`${request.vmId} ended as soon as its agent answered`);
  return { supervisor, ...times, devices: DEVICES };
}
