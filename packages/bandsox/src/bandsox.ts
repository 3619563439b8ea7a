import {
  BandSoxError,
  type BandSoxEvent,
  type CleanupReport,
  type EventQueryInput,
  parseInput,
  type VmEnd,
  type VmInfo,
  type VmSpecInput,
} from "@bandsox/contract";
import {
  type BuildOptions,
  type CleanupOptions,
  type Core,
  type CoreOptions,
  type CreateOptions,
  type DebianRecipe,
  defaultStorageDir,
  type EngineSettings,
  type FetchOptions,
  type ListOptions,
  type MeasuredVm,
  type NetworkOptions,
  type OpenDisks,
  openCore,
  provideHelpers,
  type Vm,
} from "@bandsox/core";
import { z } from "zod";
import { engineSettings } from "./engine-settings.ts";
import { Images } from "./images.ts";
import { PoolStore } from "./pools.ts";
import { isServerUrl, type RemoteOptions, remoteCore } from "./remote.ts";
import { SnapshotStore } from "./snapshots.ts";

/** Engine settings that are left out are those of the environment: `BANDSOX_ENGINE`, `BANDSOX_ACCEL` and so on. */
export interface BandSoxOptions extends EngineSettings {
  /** Where VMs and images are kept (default: `BANDSOX_STORAGE`, else `/var/lib/bandsox` for root, the user's data directory otherwise) */
  storageDir?: string;
  /** Told what was recovered from or put off, e.g. a clean-up to be tried again (default: Node's process warnings) */
  onWarning?: (message: string) => void;
  /** Has a pool filled again that a VM was taken from (default: this process does, while the storage is open) */
  onPoolTaken?: (pool: string) => void;
  /** Networks of VMs: `byDefault` (default: `BANDSOX_NETWORKING`, else `true`), `range` and `pool`; see `NetworkOptions` */
  network?: NetworkOptions;
}

/** Everything about a new VM but its image. */
export type CreateVmOptions = Omit<VmSpecInput, "image"> & CreateOptions;

/**
 * MicroVMs on this machine.
 *
 * VMs belong to the storage directory, not to this object or this process: another process that opens the same
 * storage finds and uses the same VMs, and they run on when this one ends.
 *
 * @example
 * ```ts
 * await using bs = new BandSox();
 * const vm = await bs.createVm("python:3-alpine");
 * console.log((await vm.execPythonCapture("print('Hello from VM!')")).stdout);
 * await vm.delete();
 * ```
 */
export class BandSox implements AsyncDisposable {
  /** The image store: pull, list, inspect, remove, prune, import, history */
  readonly images: Images = new Images(() => this.#core());
  /** What VMs go on from: list, inspect, restore, rename, delete */
  readonly snapshots: SnapshotStore = new SnapshotStore(() => this.#core());
  /** VMs that are kept ready: set, list, fill, remove */
  readonly pools: PoolStore = new PoolStore(() => this.#core());
  readonly #options: BandSoxOptions;
  #opening: Promise<Core> | undefined;
  /** Whether the engine room is somebody else's: a server's, or one that was given */
  #isGiven = false;
  #closed = false;

  /**
   * Touches nothing; the storage is opened, or the server is called, by the first call that needs it.
   *
   * @param where a storage directory, the `http://` or `https://` address of a server, or options of a local storage
   * @param remote how the server is reached, when `where` is one's address
   */
  constructor(where: string | BandSoxOptions = {}, remote: RemoteOptions = {}) {
    this.#options = typeof where === "string" ? { storageDir: where } : where;
    if (isServerUrl(where)) this.#give(remoteCore(where, remote));
  }

  /** One over an engine room that is opened by somebody else, as tests have. */
  static over(core: Core): BandSox {
    const bandsox = new BandSox();
    bandsox.#give(core);
    return bandsox;
  }

  #give(core: Core): void {
    this.#isGiven = true;
    this.#opening = Promise.resolve(core);
  }

  /**
   * Makes a VM from an image and returns once it runs commands. On failure nothing is left behind.
   *
   * @param image registry reference (`python:3-alpine`), or `docker-daemon:name`, `oci:dir[:tag]`,
   *   `docker-archive:file`, `dir:path`, `tar:file`, `ext4:file`, `debian:suite?include=package,…`
   * @throws {BandSoxError} `invalid_argument`, `vm_name_taken`, `image_…`, `registry_…`, `kernel_missing`,
   *   `engine_unavailable`, `vm_start_failed`, `disk_full`, `interrupted`
   */
  async createVm(image: string, options: CreateVmOptions = {}): Promise<Vm> {
    const { signal, ephemeral, onStage, onImageEvent, ...spec } = options;
    return (await this.#core()).createVm({ image, ...spec }, { signal, ephemeral, onStage, onImageEvent });
  }

  /**
   * Builds an image from a Dockerfile, a path or a text, and makes a VM from it.
   *
   * @example
   * ```ts
   * const vm = await bs.createVmFromDockerfile("FROM python:3-alpine\nRUN pip install requests\n");
   * ```
   * @throws {BandSoxError} as `images.build` and `createVm`
   */
  async createVmFromDockerfile(
    dockerfile: string,
    options: CreateVmOptions & { readonly build?: Omit<BuildOptions, "signal" | "onEvent"> } = {},
  ): Promise<Vm> {
    const { build, ...vmOptions } = options;
    const { signal, onImageEvent: onEvent } = vmOptions;
    const { name } = await this.images.build(dockerfile, { ...build, signal, onEvent });
    return this.createVm(name, vmOptions);
  }

  /** A VM by its id, its name, or the start of its id. @throws {BandSoxError} `vm_not_found`, `vm_ambiguous` */
  async getVm(reference: string): Promise<Vm> {
    return (await this.#core()).getVm(reference);
  }

  /**
   * VMs in the storage, the newest first, as they are now: all of them, or those that fit.
   *
   * @example
   * ```ts
   * const newest = await bs.listVms({ limit: 10, metadata: { team: "a" } });
   * ```
   * @throws {BandSoxError} `invalid_argument`
   */
  async listVms(options: ListOptions = {}): Promise<VmInfo[]> {
    return (await this.#core()).listVms(options);
  }

  /**
   * How a VM ended last, what tells so, and what to do about it, by its id or its name; the VM may be gone. `undefined`
   * of one that never has ended.
   *
   * @throws {BandSoxError} `vm_not_found`, `vm_ambiguous`
   */
  async why(vm: string): Promise<VmEnd | undefined> {
    return (await this.#core()).why(vm);
  }

  /**
   * What the VMMs of the VMs that run have counted, as each told last, at most a minute ago: it costs no look at a guest.
   * Those of engines that count nothing are left out. `Vm.stats` tells one VM's as of now.
   */
  async measureVms(): Promise<MeasuredVm[]> {
    return (await this.#core()).measureVms();
  }

  /**
   * What happens in the storage, in order, whichever process does it; what is told of a VM stays when it is gone. Goes
   * on until `signal` fires or the storage is closed, unless `follow` is `false`.
   *
   * @example
   * ```ts
   * for await (const { seq, type, vmId } of bs.events({ since: 41, types: ["vm.died", "vm.stopped"] }))
   *   console.log(seq, type, vmId);
   * ```
   * @throws {BandSoxError} `invalid_argument`
   */
  async *events(
    query: EventQueryInput & { signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<BandSoxEvent, void, undefined> {
    const { signal, ...wanted } = query;
    yield* (await this.#core()).events(wanted, signal);
  }

  /**
   * Looks after the storage until `signal` fires or the storage is closed: what happens to VMs by themselves is written
   * down as it does, and stopped VMs that are to be deleted at some time are. Following events does the same.
   */
  async attend(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    await (await this.#core()).attend(options.signal);
  }

  /** Forgets all events but the newest `keep`; the storage keeps 100 000 at most. @returns how many were forgotten */
  async pruneEvents({ keep }: { keep: number }): Promise<number> {
    return (await this.#core()).pruneEvents(keep);
  }

  /** Whether the store has an image already, so that creating from it fetches nothing. */
  async hasImage(image: string): Promise<boolean> {
    return (await this.#core()).hasImage(image);
  }

  /**
   * Makes the disk of a stopped VM larger. Its guest sees the new size when it runs again.
   *
   * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `invalid_argument` when it is not larger, `disk_full`
   */
  async growDisk(vm: string, diskSizeMib: number, options: { signal?: AbortSignal } = {}): Promise<VmInfo> {
    return (await this.#core()).growDisk(vm, diskSizeMib, options.signal);
  }

  /**
   * The files of a VM that does not run, read from its disks without starting it. The VM can do nothing else until
   * what is returned is disposed of.
   *
   * @example
   * ```ts
   * await using disks = await bs.openVmDisks("my-vm");
   * for (const { name, size } of await disks.files.list("/var/log")) console.log(name, size);
   * ```
   * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `tool_missing`
   */
  async openVmDisks(vm: string, options: { signal?: AbortSignal } = {}): Promise<OpenDisks> {
    return (await this.#core()).openVmDisks(vm, options.signal);
  }

  /** The files of an image, read without starting a VM; the image is fetched when the store lacks it. */
  async openImageDisk(image: string, options: FetchOptions = {}): Promise<OpenDisks> {
    return (await this.#core()).openImageDisk(image, options);
  }

  /** What the image of a VM runs when it is given no command. */
  async imageCommand(vm: Vm): Promise<{ entrypoint: readonly string[]; cmd: readonly string[] }> {
    return (await this.#core()).imageCommand(vm);
  }

  /** Builds an image from the distribution's own mirror, for machines that reach no registry. */
  async buildDebianImage(recipe: DebianRecipe, options: { signal?: AbortSignal } = {}): Promise<void> {
    await (await this.#core()).buildDebianImage(recipe, options.signal);
  }

  /**
   * Settles what dead processes left in the storage and on this machine, and says what that was. Opening the storage
   * does the same, without saying so; with `dryRun` nothing is changed.
   *
   * @throws {BandSoxError} `interrupted`
   */
  async cleanup(options: CleanupOptions = {}): Promise<CleanupReport> {
    // What was opened is settled already; another opening would look at the same.
    if (this.#closed || this.#isGiven || this.#opening) return (await this.#core()).cleanup(options);
    await using core = await openCore({ ...(await this.#coreOptions()), settle: false });
    return await core.cleanup(options);
  }

  /** Closes the storage: interrupts what is under way and waits for that. VMs run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const core = await this.#opening?.catch(() => undefined); // what was not opened needs no closing
    await core?.[Symbol.asyncDispose]();
  }

  async #core(): Promise<Core> {
    const path = this.#storageDir();
    if (this.#closed) throw new BandSoxError("storage_closed", `the storage ${path} was closed`, { path });
    this.#opening ??= this.#coreOptions()
      .then(openCore)
      .catch((error: unknown) => {
        this.#opening = undefined; // what hindered it may be gone by the next call
        throw error;
      });
    return this.#opening;
  }

  #storageDir(): string {
    return this.#options.storageDir ?? defaultStorageDir(process.env);
  }

  async #coreOptions(): Promise<CoreOptions> {
    const { storageDir: _, network, onWarning, onPoolTaken, ...given } = this.#options;
    const { env } = process;
    const storageDir = this.#storageDir();
    return {
      storageDir,
      binDir: await provideHelpers(storageDir, env),
      network: {
        byDefault: networkingOf(env.BANDSOX_NETWORKING),
        ...{ cniConfDir: env.BANDSOX_CNI_CONF_DIR, cniBinDir: env.BANDSOX_CNI_BIN_DIR },
        ...network,
      },
      onWarning,
      onPoolTaken,
      ...engineSettings(given, env),
    };
  }
}

function networkingOf(value: string | undefined): boolean {
  return parseInput(z.enum(["on", "off"]).default("on"), value || undefined, "BANDSOX_NETWORKING") === "on";
}
