import { parseInput, type VmInfo, VmSpec, type VmSpecInput } from "@bandsox/contract";
import type { DebianRecipe } from "./image/debian-image.ts";
import { type CreateOptions, createVm } from "./vm/create-vm.ts";
import { findVm } from "./vm/find-vm.ts";
import { reconcile } from "./vm/reconcile.ts";
import { Vm } from "./vm/vm.ts";
import { toVmInfo } from "./vm/vm-info.ts";
import type { VmPorts } from "./vm/vm-ports.ts";

interface Interruptible {
  readonly signal?: AbortSignal | undefined;
}

/**
 * An open storage. Any number of processes may have one open at the same time. Disposing of it interrupts what it
 * is still doing and waits for that; afterwards every call, also of its `Vm` handles, rejects with `storage_closed`.
 */
export interface Core extends AsyncDisposable {
  createVm(input: VmSpecInput, options?: CreateOptions): Promise<Vm>;
  getVm(reference: string): Promise<Vm>;
  listVms(options?: Interruptible): Promise<VmInfo[]>;
  hasImage(image: string): Promise<boolean>;
  imageCommand(vm: Vm): Promise<{ entrypoint: readonly string[]; cmd: readonly string[] }>;
  buildDebianImage(recipe: DebianRecipe, signal?: AbortSignal): Promise<void>;
}

export interface CoreParts {
  readonly hasImage: (image: string) => boolean;
  readonly buildDebianImage: (recipe: DebianRecipe, signal: AbortSignal) => Promise<unknown>;
  /** What the handle owns, the operations included */
  readonly resources: AsyncDisposable;
}

/** The handle over built parts; every call is an operation, so that closing knows what it closes under. */
export function coreOf(ports: VmPorts, { hasImage, buildDebianImage, resources }: CoreParts): Core {
  const { operations, records } = ports;
  return {
    createVm: (input, options = {}) =>
      operations.run(options.signal, async (signal) => {
        const record = await createVm(ports, parseInput(VmSpec, input, "VM"), { ...options, signal });
        return new Vm(ports, record.id);
      }),
    getVm: (reference) => operations.run(undefined, async () => new Vm(ports, findVm(records, reference).id)),
    listVms: (options = {}) =>
      operations.run(options.signal, async (signal) => {
        await reconcile(ports, signal);
        return records.list().map((record) => toVmInfo(ports, record));
      }),
    hasImage: (image) => operations.run(undefined, async () => hasImage(image)),
    imageCommand: (vm) =>
      operations.run(undefined, async () => {
        const config = records.find(vm.id)?.imageConfig;
        return { entrypoint: config?.entrypoint ?? [], cmd: config?.cmd ?? [] };
      }),
    buildDebianImage: (recipe, signal) =>
      operations.run(signal, async (linked) => void (await buildDebianImage(recipe, linked))),
    [Symbol.asyncDispose]: async () => resources[Symbol.asyncDispose](),
  };
}
