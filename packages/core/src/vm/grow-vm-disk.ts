import { parseInput, type VmId, type VmInfo, VmSpec } from "@bandsox/contract";
import { growLayerDisk } from "../disk/grow-layer-disk.ts";
import { assertSound } from "../store/vm-records.ts";
import { restingVm } from "./resting-vm.ts";
import { toVmInfo } from "./vm-info.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** Makes the disk of a stopped VM larger. @throws {BandSoxError} `vm_wrong_state`, and as `growLayerDisk` */
export async function growVmDisk(
  ports: VmPorts,
  id: VmId,
  { sizeMib, signal }: { readonly sizeMib: number; readonly signal?: AbortSignal | undefined },
): Promise<VmInfo> {
  const diskSizeMib = parseInput(VmSpec.shape.diskSizeMib, sizeMib, "diskSizeMib");
  using _lock = await lockVm(ports, id, signal);
  const { record, layerDisk } = await restingVm(ports, id, "grow the disk of");
  assertSound(record, "grow the disk of");
  await growLayerDisk(layerDisk, { sizeMib: diskSizeMib, signal });
  ports.records.setDiskSize(id, diskSizeMib);
  return toVmInfo(ports, { ...record, spec: { ...record.spec, diskSizeMib } });
}
