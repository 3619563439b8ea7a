import type { VmId } from "@bandsox/contract";
import { readSuperblock } from "../disk/ext4-superblock.ts";
import { OfflineFiles } from "../disk/offline/offline-files.ts";
import { run } from "../host/run.ts";
import type { FetchOptions, ImageStore } from "../image/image-store.ts";
import { restingVm } from "./resting-vm.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** Disks opened for reading; dispose of it to let go of them. */
export interface OpenDisks extends AsyncDisposable {
  readonly files: OfflineFiles;
}

/** Opens the disks of a VM that does not run, and holds the VM's lock meanwhile so that nobody starts it. */
export async function openVmDisks(ports: VmPorts, id: VmId, signal: AbortSignal): Promise<OpenDisks> {
  using stack = new DisposableStack();
  stack.use(await lockVm(ports, id, signal));
  const { record, layerDisk: layer } = await restingVm(ports, id, "read the disks of");
  if (record.imageDigest === undefined) throw new Error(`${id} has a disk and no image`);
  const base = await ports.images.ensureBaseDisk(record.imageDigest, { signal });
  await settleJournal(layer, signal);
  const reading = stack.adopt(new AbortController(), (controller) => controller.abort());
  const held = stack.move();
  return {
    files: new OfflineFiles({ base, layer }, AbortSignal.any([reading.signal, signal])),
    [Symbol.asyncDispose]: async () => held.dispose(),
  };
}

/** Opens the base disk of an image, fetching and building it if need be. */
export async function openImageDisk(
  images: Pick<ImageStore, "resolve" | "ensureBaseDisk">,
  image: string,
  options: FetchOptions = {},
): Promise<OpenDisks> {
  const { digest } = await images.resolve(image, options);
  const base = await images.ensureBaseDisk(digest, options);
  const reading = new AbortController();
  const signal = options.signal ? AbortSignal.any([reading.signal, options.signal]) : reading.signal;
  return { files: new OfflineFiles({ base }, signal), [Symbol.asyncDispose]: async () => reading.abort() };
}

/** What a VM that was killed had written last is in its journal; the next mount would replay it, and so do we. */
async function settleJournal(disk: string, signal: AbortSignal | undefined): Promise<void> {
  if (!(await readSuperblock(disk))?.needsRecovery) return;
  await run("e2fsck", ["-y", "-E", "journal_only", disk], { signal, alsoGood: [1] });
}
