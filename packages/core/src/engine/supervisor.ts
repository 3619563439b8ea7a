import { statSync, watch } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BandSoxError, isBandSoxError, Transport, type VmId } from "@bandsox/contract";
import { z } from "zod";
import { jsonFile } from "../host/json-file.ts";
import type { VmPaths } from "../host/paths.ts";
import { isAlive, type ProcessIdentity, signalProcess } from "../host/process-identity.ts";
import { consoleTail } from "./console-tail.ts";
import type { NetworkService, VmmExit } from "./engine.ts";
import type { Launched, Launcher } from "./launcher.ts";

const CONSOLE_MAX_BYTES = 1024 * 1024;
const VMM_LOG_MAX_BYTES = 256 * 1024;
/** A supervisor that was asked to end kills its VMM after 2 s; one that does not end by then is killed itself */
const TERMINATE_PATIENCE_MS = 5_000;
/** How long a VMM that broke off an answer may take until its supervisor tells that it ended */
const DEATH_PATIENCE_MS = 2_000;
/** The kernel tells only a parent of a process's end; others look */
const LIVENESS_CHECK_MS = 20;

const Identity = z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() });
const Exit = z.object({
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  requested: z.boolean(),
  reason: z.string().default(""),
  hostOom: z.string().optional(),
});
const Transported = z.object({ transport: Transport });
const Mapped = z.object({ memoryFile: z.string().optional() });
const [readIdentity, readExit, readLaunched] = [jsonFile(Identity), jsonFile(Exit), jsonFile(Transported)];
const readMapped = jsonFile(Mapped);
const Failure = z.object({
  type: z.literal("failed"),
  message: z.string(),
  /** An address of this machine's that is somebody else's */
  takenPort: z.string().optional(),
  noSpace: z.boolean().default(false),
  stage: z.string().default("vmm"),
});
type Failure = z.infer<typeof Failure>;
const Event = z.discriminatedUnion("type", [
  z.object({ type: z.literal("started"), startMs: z.number().default(0) }),
  z.object({ type: z.literal("layer-made") }),
  z.object({ type: z.literal("agent-ready") }),
  Failure,
  z.object({ type: z.literal("exited"), reason: z.string().default("") }),
]);
type Event = z.infer<typeof Event>;

/** The TAP device a VMM gets. */
export interface LaunchTap {
  readonly name: string;
  /** The namespace it is in (default: one of the VMM's own, in which it is made) */
  readonly netns?: string | undefined;
  /** `descriptor`: the VMM inherits it opened, as descriptor 5; `namespace`: the VMM runs in the namespace and opens it by name */
  readonly handOver: "descriptor" | "namespace";
}

export interface SupervisorLaunch {
  readonly vmId: VmId;
  readonly paths: VmPaths;
  readonly launcher: Pick<Launcher, "launch">;
  /** The VMM's command line */
  readonly argv: readonly string[];
  /** What connects the VMM's channel socket with its guest */
  readonly transport: Transport;
  /** The longest the guest may take until its agent answers, in ms */
  readonly bootTimeoutMs: number;
  /** What the guest's memory is a private mapping of, where that is known */
  readonly memoryFile?: string | undefined;
  /** The device state a QEMU goes on from instead of booting */
  readonly incoming?: string | undefined;
  /** What the layer disk is made a copy of before anything of the guest uses it */
  readonly layerFrom?: string | undefined;
  readonly tap?: LaunchTap | undefined;
  /** Has the console's line take the place of a virtio-serial port that is dead: how long it may take to answer, in ms */
  readonly fallback?: { readonly readyPatienceMs: number } | undefined;
  /** What only a Firecracker has */
  readonly firecracker?: FirecrackerLaunch | undefined;
  /** Makes the machine once the VMM runs, where its command line does not */
  readonly onStarted?: (() => Promise<void>) | undefined;
  readonly network?: NetworkService | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How the supervisor deals with a Firecracker. */
export interface FirecrackerLaunch {
  /** Whether it knows which pages differ from `memoryFile` */
  readonly tracks: boolean;
  /** Whether the guest hears nothing more through vsock after a pause until its connections are reset */
  readonly deafensVsock: boolean;
  /** What it is confined to, if it is */
  readonly jail?: { readonly root: string; readonly uid: number; readonly cgroup: string } | undefined;
  /** How long vsock may take to answer before the serial line is tried: when the guest comes up, and later, in ms */
  readonly readyPatienceMs: number;
  readonly vsockPatienceMs: number;
}

/** How long it took, in ms. */
export interface LaunchTimes {
  /** From asking for the VMM until it ran */
  readonly vmmMs: number;
  /** From then until the agent answered */
  readonly guestMs: number;
  /** Of `vmmMs`, from the VMM's own start until it took requests; `0` where it takes none */
  readonly startMs: number;
}

/**
 * Starts a VM's supervisor, the process that owns the VMM, and returns once the agent in the guest answered.
 * The supervisor writes down who it is before it starts the VMM, and the VMM dies with it, so whoever opens the
 * storage later finds both or neither.
 *
 * @throws {BandSoxError} `vm_start_failed`, `port_unavailable`, `disk_full`, `interrupted`
 */
export async function launchSupervisor(launch: SupervisorLaunch): Promise<LaunchTimes> {
  const { paths } = launch;
  await writeFile(paths.launchConfig, JSON.stringify(launchConfig(launch)), { mode: 0o600 });
  const begun = performance.now();
  const { started, ready, startMs } = await untilReady(launch);
  return { vmmMs: started - begun, guestMs: ready - started, startMs };
}

interface Moments {
  readonly started: number;
  readonly ready: number;
  readonly startMs: number;
}

/** Starts the supervisor; one that does not come to have an agent that answers is ended. */
async function untilReady(launch: SupervisorLaunch): Promise<Moments> {
  const { promise, resolve, reject } = Promise.withResolvers<Moments>();
  const fail = (stage: string, found: string, cause?: unknown) =>
    reject(startFailed(launch, stage, found, cause));
  const made = { started: 0, startMs: 0 };
  let configured: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onEvent = (event: Event) => {
    if (event.type === "layer-made") timer = setTimeout(late, bootTimeoutMs);
    if (event.type === "started") {
      Object.assign(made, { started: performance.now(), startMs: event.startMs });
      configured = launch.onStarted?.();
      configured?.catch((error) => failLater(error, supervisor, { fail, reject }));
    }
    if (event.type === "agent-ready") {
      const onMade = () => resolve({ ...made, ready: performance.now() });
      Promise.resolve(configured).then(onMade, () => {}); // what came of it is told above
    }
    if (event.type === "failed") reject(refusal(launch, event));
    if (event.type === "exited") fail("guest", `the VMM ended before the agent answered: ${event.reason}`);
  };
  const supervisor = launch.launcher.launch(launch.paths.launchConfig, (event) => {
    const { data } = Event.safeParse(event);
    if (data) onEvent(data);
  });
  supervisor.ended.then((found) => fail("supervisor", `its supervisor: ${found}`));
  const onAbort = () =>
    reject(new BandSoxError("interrupted", `interrupted while starting ${launch.vmId}`, {}));
  const { bootTimeoutMs } = launch;
  const late = () => fail("agent", `no answer within ${bootTimeoutMs} ms`);
  // A disk takes as long as it takes; whoever does not want to wait has a signal.
  if (launch.layerFrom === undefined) timer = setTimeout(late, bootTimeoutMs);
  if (launch.signal?.aborted) onAbort();
  launch.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } catch (error) {
    await endLaunched(supervisor);
    throw error;
  } finally {
    clearTimeout(timer);
    launch.signal?.removeEventListener("abort", onAbort);
    supervisor.leave();
  }
}

/** What a supervisor that says that it failed means for whoever wanted the VM. */
function refusal(
  launch: SupervisorLaunch,
  { message: found, takenPort: address, noSpace, stage }: Failure,
): Error {
  const message = `cannot start ${launch.vmId}: ${found}`;
  if (address) return new BandSoxError("port_unavailable", message, { address });
  if (noSpace) return new BandSoxError("disk_full", message, { path: launch.paths.dir });
  return startFailed(launch, stage, found);
}

/**
 * A machine that could not be made. Where the VMM has died of it, its supervisor tells why, and that comes first: an
 * answer that broke off says less.
 */
async function failLater(
  error: unknown,
  supervisor: Launched,
  {
    fail,
    reject,
  }: { fail: (stage: string, found: string, cause: unknown) => void; reject: (error: unknown) => void },
): Promise<void> {
  if (isBandSoxError(error, "interrupted")) return reject(error);
  if (!isBandSoxError(error, "vmm_refused") || error.details.status === undefined) {
    await Promise.race([supervisor.ended, pause(DEATH_PATIENCE_MS, undefined, { ref: false })]);
  }
  fail("machine", error instanceof Error ? error.message : String(error), error);
}

function startFailed(launch: SupervisorLaunch, stage: string, found: string, cause?: unknown): BandSoxError {
  const console = consoleTail(launch.paths);
  const details = { vmId: launch.vmId, stage, console };
  return new BandSoxError("vm_start_failed", `cannot start ${launch.vmId}: ${found}`, details, { cause });
}

function launchConfig(launch: SupervisorLaunch) {
  const {
    vmId,
    paths,
    argv,
    transport,
    memoryFile,
    incoming,
    layerFrom,
    firecracker,
    tap,
    network,
    fallback,
  } = launch;
  return {
    ...{ vmId, argv, transport, memoryFile, incoming, tap, network },
    controlSocket: basename(paths.controlSocket),
    fallback: fallback && { ...fallback, transportFile: basename(paths.transport) },
    layer: layerFrom && { source: layerFrom, path: basename(paths.layerDisk) },
    channelSocket: firecracker ? "" : basename(paths.channelSocket),
    agentSocket: basename(paths.agentSocket),
    consoleLog: basename(paths.console),
    consoleMaxBytes: CONSOLE_MAX_BYTES,
    vmmLog: basename(paths.vmmLog),
    vmmLogMaxBytes: VMM_LOG_MAX_BYTES,
    pidFile: basename(paths.supervisor),
    exitFile: basename(paths.exit),
    limitsFile: basename(paths.limits),
    enforcedFile: basename(paths.enforced),
    vitalsFile: basename(paths.vitals),
    observerSocket: basename(paths.observerSocket),
    // A VM's directory is two below its storage; what is elsewhere finds no such file, and tells nobody.
    signalFile: "../../vms.signal",
    firecracker: firecracker && {
      ...firecracker,
      apiSocket: basename(paths.apiSocket),
      vsockSocket: basename(paths.vsockSocket),
      logPipe: basename(paths.vmmLogPipe),
      metricsPipe: basename(paths.metricsPipe),
      metricsFile: basename(paths.metrics),
      transportFile: basename(paths.transport),
    },
  };
}

async function endLaunched(supervisor: Launched): Promise<void> {
  supervisor.signal("SIGTERM");
  const timer = setTimeout(() => supervisor.signal("SIGKILL"), TERMINATE_PATIENCE_MS);
  await supervisor.ended;
  clearTimeout(timer);
}

/**
 * The supervisor that signed in the VM's directory, if it still lives. One that works in another directory is that of
 * the VM this one is a copy of, and none of ours.
 */
export function findSupervisor(paths: VmPaths): ProcessIdentity | undefined {
  const identity = readIdentity(paths.supervisor);
  return identity && isAlive(identity) && worksIn(identity, paths.dir) ? identity : undefined;
}

/** By the directory itself, not its name: a storage may be moved while its VMs run. */
function worksIn({ pid }: ProcessIdentity, dir: string): boolean {
  try {
    const [at, own] = [statSync(`/proc/${pid}/cwd`), statSync(dir)];
    return at.ino === own.ino && at.dev === own.dev;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES"; // another user's: its pid and start time must do
  }
}

/** How host and guest are connected: as the supervisor was told, or has found since. */
export function findTransport(paths: VmPaths): Transport | undefined {
  return (readLaunched(paths.transport) ?? readLaunched(paths.launchConfig))?.transport;
}

/** What the VM's memory is a mapping of, unless it is a file of the VM's own, without any content. */
export function findMappedFile(paths: VmPaths): string | undefined {
  const file = readMapped(paths.launchConfig)?.memoryFile;
  return file === paths.memory ? undefined : file;
}

/** How the VMM ended, if its supervisor lived to write it down. */
export function findVmmExit(paths: VmPaths): VmmExit | undefined {
  return readExit(paths.exit);
}

/**
 * Ends a supervisor and with it the VMM; both are gone when this resolves. The launch configuration goes first: a
 * supervisor that has not signed yet looks for it after it has, so it is either found here or starts nothing.
 *
 * @throws {BandSoxError} `vm_stop_failed` when the process outlives even SIGKILL, as one stuck in the kernel does
 */
export async function terminateSupervisor(
  paths: VmPaths,
  { patienceMs = TERMINATE_PATIENCE_MS, send = signalProcess } = {},
): Promise<void> {
  await rm(paths.launchConfig, { force: true });
  const identity = findSupervisor(paths);
  if (!identity) return;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    send(identity, signal);
    if (await waitUntilGone(identity, paths, patienceMs)) return;
  }
  const [vmId, { pid }] = [basename(paths.dir), identity];
  const message = `cannot end ${vmId}: its supervisor, process ${pid}, still runs after SIGKILL`;
  throw new BandSoxError("vm_stop_failed", message, { vmId, pid });
}

/** Waits for the supervisor, and so the VMM, to be gone. @returns whether it is */
export async function waitForSupervisor(paths: VmPaths, timeoutMs: number): Promise<boolean> {
  const identity = findSupervisor(paths);
  return identity ? waitUntilGone(identity, paths, timeoutMs) : true;
}

/**
 * A supervisor's last act but one is to write the exit record, which wakes us; then it is a matter of
 * milliseconds. One that is killed writes nothing, hence the look at the process as well.
 */
async function waitUntilGone(identity: ProcessIdentity, paths: VmPaths, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const look = () => {
    if (!isAlive(identity)) resolve(true);
  };
  const watcher = watch(paths.dir, look);
  const looking = setInterval(look, LIVENESS_CHECK_MS);
  const timer = setTimeout(() => resolve(false), timeoutMs);
  look();
  const gone = await promise;
  watcher.close();
  clearInterval(looking);
  clearTimeout(timer);
  return gone;
}
