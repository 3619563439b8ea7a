import type { BandSox, CreateVmOptions, Vm } from "bandsox";
import type { Output } from "../output.ts";
import { bootProgress } from "../print/boot-progress.ts";

/** A VM to be made, and where what takes long is shown. */
export interface CreateWithProgress extends CreateVmOptions {
  readonly image: string;
  readonly progress: Output;
  /** Whether what took how long stays on the terminal (default: `false`) */
  readonly keepsWaterfall?: boolean;
}

/** Makes a VM and shows what takes long. */
export async function createWithProgress(
  bandsox: BandSox,
  { image, progress: output, keepsWaterfall = false, ...options }: CreateWithProgress,
): Promise<Vm> {
  const progress = bootProgress(output, image);
  const { onStage, onImageEvent } = progress;
  const vm = await bandsox.createVm(image, { ...options, onStage, onImageEvent }).finally(progress.clear);
  if (keepsWaterfall) await progress.showWaterfall();
  return vm;
}
