import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { BandSoxError, isBandSoxError, nextState, type VmId, type VmSpec } from "@bandsox/contract";
import type { BootedVmm, BootRequest, Engine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { vmPaths } from "../host/paths.ts";
import { envOf } from "../image/image-config.ts";
import type { HelperEvent } from "../image/image-helper.ts";
import { parseImageSource } from "../image/image-source.ts";
import type { ImageRecord } from "../store/image-records.ts";
import { processOwner } from "../store/ledger.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { discardGolden, ensureGolden, makeMemoryFile } from "./golden.ts";
import { forgetVm, releaseVm } from "./release-vm.ts";
import { type BootFiles, lockVm, type VmPorts } from "./vm-ports.ts";

const ENTROPY_BYTES = 64;

/** The parts of making a VM, in order. */
export type CreateStage = "image" | "disk" | "golden" | "vmm" | "kernel" | "restore" | "agent";

export interface CreateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the VM is deleted, by whoever opens the storage next, once this process is dead (default: `false`) */
  readonly ephemeral?: boolean | undefined;
  /** Called as each stage ends, with its duration in ms */
  readonly onStage?: ((stage: CreateStage, durationMs: number) => void) | undefined;
  /** Called with what fetching and unpacking the image does */
  readonly onImageEvent?: ((event: HelperEvent) => void) | undefined;
}

/**
 * Makes a VM from an image and returns once its guest is ready for commands.
 *
 * Either everything is in place when this resolves, or nothing is left when it rejects. If this process dies on
 * the way, the row says `creating` and nobody holds its lock: the next reconcile cleans up and says so.
 */
export async function createVm(ports: VmPorts, spec: VmSpec, options: CreateOptions = {}): Promise<VmRecord> {
  const engine = ports.defaultEngine();
  assertPossible(spec, engine);
  const bootFiles = await ports.bootFiles();
  const id = ports.newId();
  using _lock = await lockVm(ports, id, options.signal);
  const name = spec.name ?? id;
  const record = {
    id,
    name,
    state: "creating",
    spec,
    engine: engine.name,
    createdAt: ports.now().toISOString(),
  } as const;
  begin(ports, record, options);
  try {
    const image = await timed("image", options, () =>
      ports.images.resolve(spec.image, { signal: options.signal, onEvent: options.onImageEvent }),
    );
    ports.records.move(id, "creating", "creating", { imageDigest: image.digest }); // from here on the image stays
    const baseDisk = await timed("disk", options, () => makeDisks(ports, record, image, options));
    const vmm = await startVmm(ports, { engine, record, baseDisk, bootFiles }, options);
    await enterMachine(ports, { record, image, vmm }, options);
    const change = { imageDigest: image.digest, imageConfig: image.config };
    ports.records.move(id, "creating", nextState(id, "creating", "started"), change);
    return { ...record, state: "running", ...change };
  } catch (error) {
    await undo(ports, engine, id);
    throw error;
  }
}

/** Writes the VM down; before that, that it is to end with this process, if it is. */
function begin(ports: VmPorts, record: VmRecord, { ephemeral = false }: CreateOptions): void {
  const resource = { owner: processOwner(), kind: "vm", locator: record.id } as const;
  if (ephemeral) ports.ledger.record(resource);
  try {
    ports.records.insert(record);
  } catch (error) {
    ports.ledger.strike(resource);
    throw error;
  }
}

/** What cannot be removed now stays written down, in a row that says `creating`, for the next reconcile. */
async function undo(ports: VmPorts, engine: Engine, id: VmId): Promise<void> {
  try {
    await releaseVm(ports, engine, id);
    forgetVm(ports, id);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    ports.warn(`could not remove what was made of ${id}, it will be tried again: ${why}`);
  }
}

function assertPossible(spec: VmSpec, engine: Engine): void {
  parseImageSource(spec.image);
  if (!spec.networking || engine.capabilities.networking) return;
  const message = `cannot create a VM with networking: the ${engine.name} engine of this version has none`;
  throw new BandSoxError("networking_unavailable", message, {});
}

async function makeDisks(
  ports: VmPorts,
  record: VmRecord,
  image: ImageRecord,
  options: CreateOptions,
): Promise<string> {
  const work = { signal: options.signal, onEvent: options.onImageEvent };
  const baseDisk = await ports.images.ensureBaseDisk(image.digest, work);
  const paths = vmPaths(ports.paths, record.id);
  ports.ledger.record({ owner: record.id, kind: "directory", locator: paths.dir });
  await mkdir(paths.dir, { recursive: true, mode: 0o700 });
  await ports.layerDisks.create(paths.layerDisk, record.spec.diskSizeMib, options.signal);
  return baseDisk;
}

interface BootParts {
  readonly engine: Engine;
  readonly record: VmRecord;
  readonly baseDisk: string;
  readonly bootFiles: BootFiles;
}

/** How a guest came up. */
interface StartedVmm extends BootedVmm {
  readonly how: "kernel" | "restore";
}

/** Goes on from a golden, or boots the kernel where that is asked for or a golden cannot be had. */
async function startVmm(ports: VmPorts, parts: BootParts, options: CreateOptions): Promise<StartedVmm> {
  const { engine, record, baseDisk, bootFiles } = parts;
  const paths = vmPaths(ports.paths, record.id);
  ports.ledger.record({ owner: record.id, kind: "supervisor", locator: paths.supervisor });
  const { vcpu, memMib } = record.spec;
  const { vmlinuxPath, initramfsPath } = bootFiles;
  const shape = { vcpu, memMib, vmlinuxPath, initramfsPath };
  const machine = { ...shape, baseDisk, layerDisk: paths.layerDisk };
  const request = { vmId: record.id, paths, signal: options.signal };
  if (engine.capabilities.snapshots && record.spec.boot === "golden") {
    const from = await timed("golden", options, () => ensureGolden(ports, engine, shape, options.signal));
    const restored = await restore(ports.warn, engine, {
      ...request,
      machine: { ...machine, memoryFile: from.memory },
      from,
    });
    if (restored) return { ...restored, how: "restore" };
    await discardGolden(ports, engine, shape);
  }
  await makeMemoryFile(paths.memory, memMib);
  const booted = await engine.boot({ ...request, machine: { ...machine, memoryFile: paths.memory } });
  return { ...booted, how: "kernel" };
}

/** A golden that does not start costs its time once: the VM boots its kernel instead, and the next takes another. */
async function restore(
  warn: VmPorts["warn"],
  engine: Engine,
  request: BootRequest,
): Promise<BootedVmm | undefined> {
  try {
    return await engine.boot(request);
  } catch (error) {
    if (!isBandSoxError(error, "vm_start_failed")) throw error;
    await engine.terminate(request.paths);
    warn(`${error.message}; booting its kernel instead`);
    return undefined;
  }
}

interface MachineParts {
  readonly record: VmRecord;
  readonly image: ImageRecord;
  readonly vmm: StartedVmm;
}

async function enterMachine(
  ports: VmPorts,
  { record, image, vmm }: MachineParts,
  options: CreateOptions,
): Promise<void> {
  const { agentSocket } = vmPaths(ports.paths, record.id);
  await using guest = new GuestClient({ vmId: record.id, socketPath: agentSocket });
  const begun = performance.now();
  const hello = await guest.hello(options.signal);
  await guest.configureMachine(
    {
      hostname: hostname(record.name),
      env: { ...envOf(image.config), ...record.spec.env },
      workingDir: image.config.workingDir,
      user: image.config.user,
      baseDevice: vmm.devices.base,
      layerDevice: vmm.devices.layer,
      epochMs: Date.now(),
      entropy: randomBytes(ENTROPY_BYTES).toString("base64"),
    },
    options.signal,
  );
  const bootedAgentMs = Math.min(hello.agentReadyMs - hello.agentStartMs, vmm.guestMs);
  const agentMs = vmm.how === "kernel" ? bootedAgentMs : 0;
  options.onStage?.("vmm", vmm.vmmMs);
  options.onStage?.(vmm.how, vmm.guestMs - agentMs);
  options.onStage?.("agent", agentMs + performance.now() - begun);
}

/** A VM's name as a host name: letters, digits and hyphens. */
function hostname(name: string): string {
  return name.replace(/[._]/g, "-").toLowerCase();
}

async function timed<T>(stage: CreateStage, { onStage }: CreateOptions, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work();
  onStage?.(stage, performance.now() - begun);
  return result;
}
