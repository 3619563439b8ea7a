import { BandSoxError, type VmSpec } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import type { HelperEvent } from "../image/image-helper.ts";
import { parseImageSource } from "../image/image-source.ts";
import { createFromPool } from "../pool/create-from-pool.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { type MakeOptions, makeVm, makeVmDirectory } from "./make-vm.ts";
import { type StageOptions, timed } from "./stages.ts";
import { startFromImage } from "./start-from-image.ts";
import { startMachine } from "./start-machine.ts";
import type { VmPorts } from "./vm-ports.ts";

export interface CreateOptions extends MakeOptions, StageOptions {
  /** Called with what fetching and unpacking the image does */
  readonly onImageEvent?: ((event: HelperEvent) => void) | undefined;
}

/** Makes a VM from an image and returns once its guest is ready for commands; all of it or nothing, see `makeVm`. */
export async function createVm(
  ports: VmPorts,
  asked: VmSpec,
  options: CreateOptions = {},
): Promise<VmRecord> {
  const engine = ports.defaultEngine();
  parseImageSource(asked.image);
  assertLimitable(asked, engine);
  const spec = {
    ...asked,
    networking: await ports.networks.settle(asked.networking, engine.capabilities.networking),
  };
  await ports.bootFiles(); // what is missing is told before anything is made
  const pooled = await createFromPool(ports, { engine, spec }, options);
  if (pooled) return pooled;
  return makeVm(ports, { engine, spec }, options, async (record) => {
    const image = await timed("image", options, () =>
      ports.images.resolve(spec.image, { signal: options.signal, onEvent: options.onImageEvent }),
    );
    const known = { imageDigest: image.digest, imageConfig: image.config };
    ports.records.move(record.id, "creating", "creating", known); // from here on the image stays
    const baseDisk = await timed("disk", options, () => {
      const work = { signal: options.signal, onEvent: options.onImageEvent };
      return ports.images.ensureBaseDisk(image.digest, work);
    });
    await makeVmDirectory(ports, record);
    const parts = { engine, record, imageConfig: image.config, baseDisk };
    const restored = await startFromImage(ports, parts, options);
    if (restored) return { ...known, bootFiles: restored };
    const { layerDisk } = vmPaths(ports.paths, record.id);
    await ports.layerDisks.create(layerDisk, spec.diskSizeMib, options.signal);
    return { ...known, bootFiles: await startMachine(ports, parts, options) };
  });
}

function assertLimitable(spec: VmSpec, engine: Engine): void {
  const field = (["diskBandwidthMbps", "diskIops"] as const).find((name) => spec[name]);
  if (field === undefined || engine.capabilities.diskLimits) return;
  const message = `cannot limit the disk: the ${engine.name} engine does not limit disks`;
  throw new BandSoxError("invalid_argument", message, { field, found: spec[field] });
}
