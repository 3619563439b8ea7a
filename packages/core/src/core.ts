import {
  type BandSoxEvent,
  type CleanupReport,
  EventQuery,
  type EventQueryInput,
  parseInput,
  type VmEnd,
  VmFilter,
  type VmInfo,
  VmSpec,
  type VmSpecInput,
} from "@bandsox/contract";
import { z } from "zod";
import type { OpenHandles } from "./base/open-handles.ts";
import { buildDebianImage, type DebianRecipe } from "./image/debian-image.ts";
import type { FetchOptions } from "./image/image-store.ts";
import type { Images } from "./image/images.ts";
import type { OpenImages } from "./image/open-images.ts";
import { Pools } from "./pool/pools.ts";
import { type GivenRootfs, type InstallRootfsOptions, installRootfs } from "./setup/given-rootfs.ts";
import { Snapshots } from "./snapshot/snapshots.ts";
import { attend } from "./vm/attend.ts";
import { type CleanupOptions, cleanup } from "./vm/cleanup.ts";
import { type CreateOptions, createVm } from "./vm/create-vm.ts";
import { filterVms } from "./vm/filter-vms.ts";
import { findVm } from "./vm/find-vm.ts";
import { growVmDisk } from "./vm/grow-vm-disk.ts";
import { type MeasuredVm, measureVms } from "./vm/host-view.ts";
import { type OpenDisks, openImageDisk, openVmDisks } from "./vm/open-disks.ts";
import { reconcile } from "./vm/reconcile.ts";
import { Vm } from "./vm/vm.ts";
import { toVmInfo } from "./vm/vm-info.ts";
import type { VmPorts } from "./vm/vm-ports.ts";

/** Which VMs to list (default: all) */
export interface ListOptions extends VmFilter {
  readonly signal?: AbortSignal | undefined;
}

/**
 * An open storage. Any number of processes may have one open at the same time. Disposing of it interrupts what it
 * is still doing and waits for that; afterwards every call, also of its `Vm` handles, rejects with `storage_closed`.
 */
export interface Core extends AsyncDisposable {
  createVm(input: VmSpecInput, options?: CreateOptions): Promise<Vm>;
  getVm(reference: string): Promise<Vm>;
  listVms(options?: ListOptions): Promise<VmInfo[]>;
  /** Settles what dead processes left; see `cleanup` */
  cleanup(options?: CleanupOptions): Promise<CleanupReport>;
  /** What the VMMs of the VMs that run have counted, as they told last, where the engine counts; see `VmmStats` */
  measureVms(): Promise<MeasuredVm[]>;
  /** How a VM ended last, by its id or name; it may be gone. @throws {BandSoxError} `vm_not_found`, `vm_ambiguous` */
  why(reference: string): Promise<VmEnd | undefined>;
  /** What happens in the storage, as it is asked for; ends when the storage is closed or `signal` fires */
  events(query?: EventQueryInput, signal?: AbortSignal): AsyncGenerator<BandSoxEvent, void, undefined>;
  /** Looks after the storage until `signal` fires; see `attend` */
  attend(signal?: AbortSignal): Promise<void>;
  /** Forgets all events but the newest `keep`. @returns how many were forgotten */
  pruneEvents(keep: number): Promise<number>;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly pools: Pools;
  /** Makes the image `bandsox-base` of a given root file system */
  installRootfs(rootfs: GivenRootfs, how: RootfsOptions): Promise<{ readonly digest: string }>;
  /** Makes the disk of a stopped VM larger */
  growDisk(reference: string, diskSizeMib: number, signal?: AbortSignal): Promise<VmInfo>;
  /** Opens the disks of a VM that does not run; closing the storage lets go of them */
  openVmDisks(reference: string, signal?: AbortSignal): Promise<OpenDisks>;
  openImageDisk(image: string, options?: FetchOptions): Promise<OpenDisks>;
  hasImage(image: string): Promise<boolean>;
  imageCommand(vm: Vm): Promise<{ entrypoint: readonly string[]; cmd: readonly string[] }>;
  buildDebianImage(recipe: DebianRecipe, signal?: AbortSignal): Promise<void>;
}

type RootfsOptions = Pick<InstallRootfsOptions, "refresh" | "onProgress" | "signal">;

export interface CoreParts {
  readonly images: OpenImages;
  readonly handles: OpenHandles;
  /** What the handle owns, the operations included */
  readonly resources: AsyncDisposable;
}

/** The handle over built parts; every call is an operation, so that closing knows what it closes under. */
export function coreOf(ports: VmPorts, parts: CoreParts): Core {
  return {
    ...vmCalls(ports),
    ...eventCalls(ports),
    cleanup: (options = {}) =>
      ports.operations.run(options.signal, (signal) => cleanup(ports, { ...options, signal })),
    ...diskCalls(ports, parts),
    ...imageCalls(ports, parts),
    snapshots: new Snapshots(ports),
    pools: new Pools(ports),
    [Symbol.asyncDispose]: async () => parts.resources[Symbol.asyncDispose](),
  };
}

function vmCalls(
  ports: VmPorts,
): Pick<Core, "createVm" | "getVm" | "listVms" | "imageCommand" | "why" | "measureVms"> {
  const { operations, records } = ports;
  return {
    measureVms: () => operations.run(undefined, () => measureVms(ports)),
    why: (reference) =>
      operations.run(undefined, async () => {
        const known = records.find(reference) ?? records.findByName(reference);
        if (!known) {
          const gone = ports.ends.find(reference);
          if (gone) return gone;
        }
        return new Vm(ports, findVm(records, reference).id).why();
      }),
    createVm: (input, options = {}) =>
      operations.run(options.signal, async (signal) => {
        const record = await createVm(ports, parseInput(VmSpec, input, "VM"), { ...options, signal });
        return new Vm(ports, record.id);
      }),
    getVm: (reference) => operations.run(undefined, async () => new Vm(ports, findVm(records, reference).id)),
    listVms: ({ signal: given, ...filter } = {}) =>
      operations.run(given, async (signal) => {
        const wanted = parseInput(VmFilter, filter, "filter");
        await reconcile(ports, signal);
        return filterVms(records.list(), wanted).map((record) => toVmInfo(ports, record));
      }),
    imageCommand: (vm) =>
      operations.run(undefined, async () => {
        const config = records.find(vm.id)?.imageConfig;
        return { entrypoint: config?.entrypoint ?? [], cmd: config?.cmd ?? [] };
      }),
  };
}

function eventCalls(ports: VmPorts): Pick<Core, "events" | "pruneEvents" | "attend"> {
  const { operations, events } = ports;
  return {
    async *events(query = {}, signal) {
      const wanted = parseInput(EventQuery, query, "events");
      using attached = operations.attach(signal);
      if (!wanted.follow) return yield* events.read(wanted, attached.signal);
      const reading = new AbortController();
      const either = AbortSignal.any([attached.signal, reading.signal]);
      const attending = attend(ports, either).catch((error: unknown) => reading.abort(error));
      try {
        yield* events.read(wanted, either);
        if (reading.signal.aborted) throw reading.signal.reason;
      } finally {
        reading.abort();
        await attending;
      }
    },
    attend: (signal) => operations.run(signal, (linked) => attend(ports, linked)),
    pruneEvents: (keep) =>
      operations.run(undefined, async () => events.prune(parseInput(z.int().min(0), keep, "keep"))),
  };
}

function diskCalls(
  ports: VmPorts,
  { images, handles }: CoreParts,
): Pick<Core, "growDisk" | "openVmDisks" | "openImageDisk"> {
  const { operations, records } = ports;
  return {
    growDisk: (reference, sizeMib, signal) =>
      operations.run(signal, (linked) =>
        growVmDisk(ports, findVm(records, reference).id, { sizeMib, signal: linked }),
      ),
    openVmDisks: (reference, signal) =>
      operations.run(signal, async (linked) =>
        handles.keep(await openVmDisks(ports, findVm(records, reference).id, linked)),
      ),
    openImageDisk: (image, options = {}) =>
      operations.run(options.signal, async (signal) =>
        handles.keep(await openImageDisk(images.store, image, { ...options, signal })),
      ),
  };
}

function imageCalls(
  { operations, staging }: VmPorts,
  { images: { store, library, records } }: CoreParts,
): Pick<Core, "images" | "installRootfs" | "hasImage" | "buildDebianImage"> {
  return {
    images: library,
    installRootfs: (rootfs, how) =>
      operations.run(how.signal, (signal) =>
        installRootfs(rootfs, { images: store, staging, records, ...how, signal }),
      ),
    hasImage: (image) => operations.run(undefined, async () => store.has(image)),
    buildDebianImage: (recipe, signal) =>
      operations.run(signal, async (linked) => {
        await buildDebianImage(recipe, { images: store, staging, signal: linked });
      }),
  };
}
