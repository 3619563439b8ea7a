import { realpathSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { VmPaths } from "../../host/paths.ts";
import { control } from "../control.ts";
import type { BootedVmm, BootRequest, DiskLimits, Engine, MachineSpec, SaveDestination } from "../engine.ts";
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
import { tellStep } from "../vmm-steps.ts";
import { ApiClient } from "./api/client.ts";
import type { ApiRequest } from "./api/requests.ts";
import { deafensVsock } from "./capabilities.ts";
import type { FoundFirecracker } from "./find-firecracker.ts";
import { type Jail, jailerCommandLine, planJail } from "./jail.ts";
import type { FirecrackerTransport } from "./kernel-command-line.ts";
import { type Layout, layOut, layOutIsolated, layOutJail } from "./lay-out.ts";
import { bootRequests, DEVICES, loadRequests, MACHINE_FILES, tapOf } from "./machine-config.ts";
import { measure } from "./measure.ts";
import { inOwnNamespaces } from "./own-namespaces.ts";
import { reclaim } from "./reclaim.ts";
import { firecrackerShape } from "./shape.ts";

/** The longest a guest may take until its agent answers. */
const BOOT_TIMEOUT_MS = 60_000;
/** The part of that which vsock has before the serial line is tried */
const VSOCK_SHARE = 2 / 3;
/** The same where no kernel has to boot first */
const VSOCK_PATIENCE_MS = 5_000;
/** Above it, versions without `largeDiffs` damage a save of only what has changed, in MiB */
const SMALL_MEMORY_MIB = 3072;

export interface FirecrackerEngineOptions {
  /** Starts the supervisors of its VMs */
  readonly launcher: Launcher;
  /** Looks for Firecracker on this host; called for new VMs only. @throws {BandSoxError} `engine_unavailable` */
  readonly find: () => FoundFirecracker;
  /** How guests are reached (default: `vsock`) */
  readonly transport?: FirecrackerTransport | undefined;
  /** Whether guests have a serial line, which is their console and the way round a dead vsock (default: `true`) */
  readonly serial?: boolean | undefined;
  /** What a disk may move where its VM does not say */
  readonly diskLimits: DiskLimits;
  /** How many times longer than on an idle machine with KVM everything may take (default: `1`) */
  readonly patience?: number | undefined;
  /** The longest a guest may take until its agent answers, in ms (default: `60000`, times `patience`) */
  readonly bootTimeoutMs?: number | undefined;
  /**
   * Directory under which every VMM finds its vsock socket, in a mount namespace of its own (default: none; the socket's
   * name is relative to the VM's directory). Needs root
   */
  readonly isolationDir?: string | undefined;
  /** Told what was recovered from */
  readonly warn: (message: string) => void;
}

/** The `firecracker` engine. */
export function firecrackerEngine(options: FirecrackerEngineOptions): Engine {
  return {
    name: "firecracker",
    capabilities: { networking: ["tap"], snapshots: true, diskLimits: true, reclaim: true },
    check: () => void options.find(),
    boot: (request) => boot(options, request),
    shape: (machine) => {
      const found = options.find();
      return firecrackerShape(found, machine, {
        ...machineTraits(options),
        vsockPath: savedName(options, found),
      });
    },
    async pause(paths) {
      await control(paths, { action: "pause" });
    },
    async resume(paths) {
      tell(options, paths, await control(paths, { action: "resume" }));
    },
    async save(paths, into) {
      const answer = await control(paths, saveRequest(paths, into));
      tell(options, paths, answer);
      return answer;
    },
    measure,
    reclaim,
    mappedFile: findMappedFile,
    find: findSupervisor,
    findTransport,
    terminate,
    waitForExit: waitForSupervisor,
    findExit: findVmmExit,
  };
}

/** What machines have in common, whatever their size. */
function machineTraits({ transport = "vsock", serial = true }: FirecrackerEngineOptions) {
  return { transport, serial: serial || transport === "serial" };
}

/** The name of the vsock socket that a saved machine is bound to, unless it can be given another. */
function savedName(
  { isolationDir }: FirecrackerEngineOptions,
  { features, jailer }: FoundFirecracker,
): string {
  const isRelative = isolationDir === undefined || jailer !== undefined || features.vsockOverride;
  return isRelative ? MACHINE_FILES.vsock : join(isolationDir, MACHINE_FILES.vsock);
}

function tell(
  { warn }: FirecrackerEngineOptions,
  paths: VmPaths,
  { warning }: { warning?: string | undefined },
): void {
  if (warning !== undefined) warn(`${basename(paths.dir)}: ${warning}`);
}

function saveRequest(paths: VmPaths, { memory, state, layerDisk }: SaveDestination) {
  const layer = layerDisk === undefined ? {} : { layer: layerDisk, layerSource: paths.layerDisk };
  return { action: "save", memory, state, ...layer } as const;
}

/** Ends the VMM, and what a supervisor that was killed could not remove of its jail. */
async function terminate(paths: VmPaths): Promise<void> {
  await terminateSupervisor(paths);
  const { cgroup } = planJail(paths, "firecracker");
  await rmdir(cgroup).catch(() => {}); // none was made, or it went with the VMM
}

async function boot(options: FirecrackerEngineOptions, request: BootRequest): Promise<BootedVmm> {
  const found = options.find();
  const { paths, from, signal, machine, vmId } = request;
  const { transport } = machineTraits(options);
  const { patience = 1, bootTimeoutMs = BOOT_TIMEOUT_MS * patience } = options;
  const vsockPatienceMs = Math.min(VSOCK_PATIENCE_MS * patience, bootTimeoutMs * VSOCK_SHARE);
  const tracks = from !== undefined && canTrack(found, machine.memMib);
  const jail = found.jailer ? planJail(paths, basename(realpathSync(found.binary))) : undefined;
  const layout = await layOutFor(options, request, jail);
  let madeAt = 0;
  const times = await launchSupervisor({
    ...{ vmId, paths, transport, signal },
    launcher: options.launcher,
    argv: commandLine(found, { request, jail, layout }),
    memoryFile: from?.memory,
    layerFrom: request.layerFrom,
    tap: launchTap(machine),
    network: request.network,
    bootTimeoutMs,
    firecracker: {
      tracks,
      deafensVsock: deafensVsock(found.features),
      jail: jail && { root: jail.relativeRoot, uid: jail.uid, cgroup: found.cgroups ? jail.cgroup : "" },
      readyPatienceMs: Math.ceil(from ? vsockPatienceMs : bootTimeoutMs * VSOCK_SHARE),
      vsockPatienceMs: Math.ceil(vsockPatienceMs),
    },
    onStarted: async () => {
      await carryOut(request, machineRequests(options, { found, request, layout, track: tracks }));
      madeAt = performance.now();
    },
  });
  tellStep({ vmId, step: "start", ms: times.startMs });
  tellStep({ vmId, step: "guest", ms: Math.max(0, performance.now() - madeAt) });
  const supervisor = findSupervisor(paths);
  if (!supervisor) throw new Error(`${vmId} ended as soon as its agent answered`);
  return { supervisor, ...times, devices: DEVICES };
}

function layOutFor(
  { isolationDir }: FirecrackerEngineOptions,
  request: BootRequest,
  jail: Jail | undefined,
): Promise<Layout> {
  if (jail) return layOutJail(request, jail);
  return isolationDir === undefined ? layOut(request) : layOutIsolated(request, isolationDir);
}

/** Firecracker opens its TAP device by name, and so runs in the network namespace the device is in. */
function launchTap({ nic }: MachineSpec): LaunchTap | undefined {
  if (nic?.backend.kind !== "tap") return undefined;
  const { tap: name, netns } = nic.backend;
  return { name, netns, handOver: "namespace" };
}

function canTrack({ features }: FoundFirecracker, memMib: number): boolean {
  return features.largeDiffs || memMib <= SMALL_MEMORY_MIB;
}

function commandLine(
  { binary, jailer, cgroups, unshare }: FoundFirecracker,
  { request, jail, layout }: { request: BootRequest; jail: Jail | undefined; layout: Layout },
): string[] {
  const { paths, vmId, machine } = request;
  const args = [
    ...["--api-sock", basename(paths.apiSocket)],
    ...["--log-path", basename(paths.vmmLogPipe), "--level", "Warning", "--show-level"],
    ...["--metrics-path", basename(paths.metricsPipe)],
  ];
  const argv =
    jail && jailer
      ? jailerCommandLine({ jailer, binary, jail, machine, cgroups, args })
      : [binary, "--id", vmId.replaceAll("_", "-"), ...args];
  return inOwnNamespaces({ unshare, argv, binds: layout.binds, tied: jail !== undefined });
}

interface MachineParts {
  readonly found: FoundFirecracker;
  readonly request: BootRequest;
  readonly layout: Layout;
  readonly track: boolean;
}

function machineRequests(options: FirecrackerEngineOptions, parts: MachineParts): ApiRequest[] {
  const { found, request, layout, track } = parts;
  const limits = { ...options.diskLimits, ...request.machine.diskLimits };
  const { vsockPath, kernel, from } = layout;
  const tap = tapOf(request.machine);
  const shared = { ...machineTraits(options), vsockPath, limits, features: found.features, tap };
  if (from) return loadRequests({ ...shared, from, track });
  return bootRequests({ ...shared, machine: request.machine, kernel });
}

/** Makes the machine. It is this process's until its guest answers. */
async function carryOut(
  { vmId, paths, signal }: BootRequest,
  requests: readonly ApiRequest[],
): Promise<void> {
  await using api = await ApiClient.open({ socketPath: paths.apiSocket, signal });
  for (const request of requests) {
    const begun = performance.now();
    await api.send(request);
    tellStep({ vmId, step: request.request, ms: performance.now() - begun });
  }
}
