import { copyFile, link, rm } from "node:fs/promises";
import { isBandSoxError } from "@bandsox/contract";
import type { BootedVmm, BootRequest, Engine } from "../engine/engine.ts";
import { type VmPaths, vmPaths } from "../host/paths.ts";
import type { ImageConfig } from "../image/image-config.ts";
import type { NetworkAttachment } from "../network/networks.ts";
import { networkOf, shapeNic } from "../network/nic.ts";
import type { BootFilePaths, VmRecord } from "../store/vm-records.ts";
import { diskLimitsOf } from "./disk-limits.ts";
import { enterMachine } from "./enter-machine.ts";
import { discardShape, ensureGolden, makeMemoryFile } from "./golden.ts";
import { type StageOptions, timed } from "./stages.ts";
import type { VmPorts } from "./vm-ports.ts";

/** A VM whose disks are there. */
export interface MachineParts {
  readonly engine: Engine;
  readonly record: VmRecord;
  readonly imageConfig: ImageConfig;
  readonly baseDisk: string;
}

/**
 * Starts a VM's VMM over its disks and makes its guest the VM's machine. The caller holds the VM's lock, and ends what
 * is left of the VMM when this throws.
 *
 * @returns what the machine was started from
 */
export async function startMachine(
  ports: VmPorts,
  parts: MachineParts,
  options: StageOptions = {},
): Promise<BootFilePaths> {
  const { record, imageConfig } = parts;
  const { vmlinuxPath, initramfsPath } = await ports.bootFiles();
  const paths = vmPaths(ports.paths, record.id);
  await keepBootFiles(paths, { vmlinuxPath, initramfsPath });
  const network = await connect(ports, record, options);
  const vmm = await startVmm(ports, { ...parts, network }, { vmlinuxPath, initramfsPath }, options);
  const begun = performance.now();
  const identity = { record, imageConfig, agentSocket: paths.agentSocket };
  const hello = await enterMachine(identity, { ...vmm.devices, network: network?.guest }, options.signal);
  const bootedAgentMs = Math.min(hello.agentReadyMs - hello.agentStartMs, vmm.guestMs);
  const agentMs = vmm.how === "kernel" ? bootedAgentMs : 0;
  options.onStage?.("vmm", vmm.vmmMs);
  options.onStage?.(vmm.how, vmm.guestMs - agentMs);
  options.onStage?.("agent", agentMs + performance.now() - begun);
  return { vmlinuxPath, initramfsPath };
}

/** Connects a VM that has a network; the caller disconnects it when the VM does not come up. */
export async function connect(
  ports: VmPorts,
  record: VmRecord,
  options: StageOptions,
): Promise<NetworkAttachment | undefined> {
  const network = networkOf(record.spec.networking);
  if (!network) return undefined;
  return timed("network", options, () => ports.networks.attach(record, network, options.signal));
}

/** Names of the VM's own for its kernel and initramfs: they stay while the storage gets others. */
export async function keepBootFiles(paths: VmPaths, from: BootFilePaths): Promise<void> {
  await replaceLink(from.vmlinuxPath, paths.vmlinux);
  await replaceLink(from.initramfsPath, paths.initramfs);
}

/** A second name of a file that nobody writes to, or a copy where the file system has no such names. */
export async function replaceLink(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

/** How a guest came up. */
interface StartedVmm extends BootedVmm {
  readonly how: "kernel" | "restore";
}

/** Goes on from a golden, or boots the kernel where that is asked for or a golden cannot be had. */
async function startVmm(
  ports: VmPorts,
  { engine, record, baseDisk, network }: MachineParts & { readonly network: NetworkAttachment | undefined },
  bootFiles: BootFilePaths,
  options: StageOptions,
): Promise<StartedVmm> {
  const paths = vmPaths(ports.paths, record.id);
  ports.ledger.record({ owner: record.id, kind: "supervisor", locator: paths.supervisor });
  const { vcpu, memMib } = record.spec;
  const shape = { vcpu, memMib, ...bootFiles, nic: shapeNic(record.spec.networking) };
  const machine = {
    ...{ ...shape, nic: network?.nic, baseDisk, layerDisk: paths.layerDisk },
    diskLimits: diskLimitsOf(record.spec),
  };
  const request = { vmId: record.id, paths, network: network?.service, signal: options.signal };
  if (engine.capabilities.snapshots && record.spec.boot === "golden") {
    const from = await timed("golden", options, () => ensureGolden(ports, engine, shape, options.signal));
    const restored = await restore(ports.warn, engine, {
      ...request,
      machine: { ...machine, memoryFile: from.memory },
      from,
    });
    if (restored) return { ...restored, how: "restore" };
    await discardShape(ports, engine, shape);
  }
  await makeMemoryFile(paths.memory, memMib);
  const booted = await engine.boot({ ...request, machine: { ...machine, memoryFile: paths.memory } });
  return { ...booted, how: "kernel" };
}

/** Stages that a saved machine can be to blame for; its disk is copied before, and its supervisor is the host's. */
const FAULTS_OF_SAVES: readonly string[] = ["vmm", "machine", "guest", "agent"];

/** A golden that does not start costs its time once: the VM comes up another way, and the next takes another. */
export async function restore(
  warn: VmPorts["warn"],
  engine: Engine,
  request: BootRequest,
): Promise<BootedVmm | undefined> {
  try {
    return await engine.boot(request);
  } catch (error) {
    if (!isBandSoxError(error, "vm_start_failed") || !FAULTS_OF_SAVES.includes(error.details.stage))
      throw error;
    await engine.terminate(request.paths);
    warn(`${error.message}; starting it another way`);
    return undefined;
  }
}
