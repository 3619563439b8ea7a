import { isBandSoxError } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import { shapeNic } from "../network/nic.ts";
import type { BootFilePaths } from "../store/vm-records.ts";
import { diskLimitsOf } from "./disk-limits.ts";
import { becomeClone } from "./enter-machine.ts";
import { discardGolden, type SavedGolden } from "./golden-store.ts";
import { ensureImageGolden, type ImageGoldenParts, imageGoldenKey } from "./image-golden.ts";
import { type StageOptions, timed } from "./stages.ts";
import { connect, keepBootFiles, type MachineParts, restore } from "./start-machine.ts";
import type { VmPorts } from "./vm-ports.ts";

/** Why a golden of an image could not be taken without that being the end of it: a VM may still come up. */
const CAN_DO_WITHOUT = [
  "vm_start_failed",
  "vm_control_failed",
  "guest_unreachable",
  "guest_protocol",
] as const;

/**
 * Makes a new VM's machine go on from the golden of its image, over a copy of the golden's disk.
 *
 * @returns what the machine was started from, or `undefined` when it has to be started over its own disks
 */
export async function startFromImage(
  ports: VmPorts,
  { engine, record, imageConfig, baseDisk }: MachineParts,
  options: StageOptions = {},
): Promise<BootFilePaths | undefined> {
  if (!engine.capabilities.snapshots || record.spec.boot !== "golden") return undefined;
  const bootFiles = await ports.bootFiles();
  const { vmlinuxPath, initramfsPath } = bootFiles;
  const { vcpu, memMib, diskSizeMib } = record.spec;
  const shape = { vcpu, memMib, vmlinuxPath, initramfsPath, nic: shapeNic(record.spec.networking) };
  const parts = { engine, shape, imageConfig, baseDisk, diskSizeMib };
  const from = await timed("golden", options, () => goldenOf(ports, parts, options.signal));
  if (!from) return undefined;
  const paths = vmPaths(ports.paths, record.id);
  await keepBootFiles(paths, { vmlinuxPath, initramfsPath });
  ports.ledger.record({ owner: record.id, kind: "supervisor", locator: paths.supervisor });
  const network = await connect(ports, record, options);
  const machine = {
    ...{ ...shape, nic: network?.nic, memoryFile: from.memory, baseDisk, layerDisk: paths.layerDisk },
    diskLimits: diskLimitsOf(record.spec),
  };
  const vmm = await restore(ports.warn, engine, {
    ...{
      vmId: record.id,
      paths,
      machine,
      from,
      layerFrom: from.layerDisk,
      network: network?.service,
      signal: options.signal,
    },
  });
  if (!vmm) {
    await discardGolden(ports, await imageGoldenKey(parts));
    return undefined;
  }
  options.onStage?.("vmm", vmm.vmmMs);
  options.onStage?.("restore", vmm.guestMs);
  const { connections } = ports;
  const identity = { record, imageConfig, agentSocket: paths.agentSocket, connections };
  await timed("agent", options, () => becomeClone(identity, options.signal));
  return { vmlinuxPath, initramfsPath };
}

async function goldenOf(
  ports: VmPorts,
  parts: ImageGoldenParts,
  signal?: AbortSignal,
): Promise<SavedGolden | undefined> {
  try {
    return await ensureImageGolden(ports, parts, signal);
  } catch (error) {
    if (!CAN_DO_WITHOUT.some((code) => isBandSoxError(error, code))) throw error;
    ports.warn(
      `${error instanceof Error ? error.message : error}; starting the VM without a golden of its image`,
    );
    return undefined;
  }
}
