import type {
  BandSoxEvent,
  CleanupReport,
  EventQueryInput,
  LimitAction,
  Metadata,
  NetworkSpecInput,
  VmEnd,
  VmInfo,
} from "@bandsox/contract";
import { fromWire, fromWireVm, toWire } from "@bandsox/contract/wire";
import { isBandSoxError, notRemote } from "./error.ts";
import { followEvents } from "./events.ts";
import { RemoteImages } from "./images.ts";
import { RemotePools } from "./pools.ts";
import { callWithProgress } from "./progress.ts";
import { RemoteSnapshots } from "./snapshots.ts";
import { type ClientOptions, Transport } from "./transport.ts";
import { RemoteVm } from "./vm.ts";

/** Everything about a new VM but its image; see the library's `VmSpec` for each field. */
export interface CreateVmOptions {
  name?: string | undefined;
  vcpu?: number | undefined;
  memMib?: number | undefined;
  diskSizeMib?: number | undefined;
  networking?: boolean | NetworkSpecInput | undefined;
  boot?: "golden" | "cold" | undefined;
  env?: Record<string, string> | undefined;
  metadata?: Metadata | undefined;
  diskBandwidthMbps?: number | undefined;
  diskIops?: number | undefined;
  timeoutMs?: number | undefined;
  onTimeout?: LimitAction | undefined;
  idleTimeoutMs?: number | undefined;
  onIdle?: LimitAction | undefined;
  idleCpuPercent?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Whether the VM ends with its maker: not over the network, where nobody knows when that is */
  ephemeral?: false | undefined;
  /** Called as each part of the work ends, with its duration in ms */
  onStage?: ((stage: never, durationMs: number) => void) | undefined;
  /** Called with what fetching and unpacking the image does */
  onImageEvent?: ((event: never) => void) | undefined;
}

/** Which VMs to list. */
export interface ListOptions {
  /** The newest so many (default: all) */
  limit?: number | undefined;
  /** Only those whose metadata has these fields, with equal values */
  metadata?: Metadata | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The MicroVMs of a server, with the library's own calls, from Node or a browser.
 *
 * @example
 * ```ts
 * const bs = new BandSoxClient("http://127.0.0.1:8000", { apiKey: "bsx_…" });
 * const vm = await bs.createVm("python:3-alpine");
 * console.log((await vm.exec("uname -a")).stdout);
 * await vm.delete();
 * ```
 */
export class BandSoxClient {
  readonly snapshots: RemoteSnapshots;
  readonly images: RemoteImages;
  readonly pools: RemotePools;
  readonly #transport: Transport;

  constructor(url: string, options: ClientOptions = {}) {
    this.#transport = new Transport(url, options);
    this.images = new RemoteImages(this.#transport);
    this.pools = new RemotePools(this.#transport);
    this.snapshots = new RemoteSnapshots(this.#transport);
  }

  /** Makes a VM from an image and returns once it runs commands. On failure nothing is left behind. */
  async createVm(image: string, options: CreateVmOptions = {}): Promise<RemoteVm> {
    const { signal, onStage, onImageEvent, ...spec } = options;
    const { networking, env, metadata, ephemeral, ...shape } = spec;
    if (ephemeral) throw notRemote("createVm with `ephemeral`");
    const enable_networking = typeof networking === "object" ? (toWire(networking) as never) : networking;
    const body = { image, ...toWire(shape), enable_networking, env_vars: env, metadata };
    const { vm } =
      onStage || onImageEvent
        ? await callWithProgress(this.#transport, "POST /api/vms", { body, signal, onLine })
        : await this.#transport.call("POST /api/vms", { body, signal, timeoutMs: 0 });
    return new RemoteVm(this.#transport, vm.id);

    function onLine({ type, stage, duration_ms, event }: Record<string, unknown>): void {
      if (type === "stage") onStage?.(stage as never, Number(duration_ms));
      else onImageEvent?.(event as never);
    }
  }

  /** A VM by its id, its name, or the start of its id. @throws {BandSoxError} `vm_not_found`, `vm_ambiguous` */
  async getVm(reference: string, { signal }: { signal?: AbortSignal } = {}): Promise<RemoteVm> {
    const { id } = await this.#transport.call("GET /api/vms/:id", { params: { id: reference }, signal });
    return new RemoteVm(this.#transport, id);
  }

  /** The VMs of the server, the newest first, as they are now; all, or those whose metadata has some fields. */
  async listVms({ limit, metadata, signal }: ListOptions = {}): Promise<VmInfo[]> {
    const query = {
      ...(limit === undefined ? {} : { limit: `${limit}` }),
      ...(metadata === undefined ? {} : { metadata_equals: JSON.stringify(metadata) }),
    };
    return (await this.#transport.call("GET /api/vms", { query, signal })).map(fromWireVm);
  }

  /** How a VM ended last, by its id or name; it may be gone. */
  async why(vm: string): Promise<VmEnd | undefined> {
    const end = await this.#transport.call("GET /api/vms/:id/why", { params: { id: vm } });
    return end ? fromWire<VmEnd>(end) : undefined;
  }

  /** Whether the store has an image already, so that creating from it fetches nothing. */
  async hasImage(image: string): Promise<boolean> {
    try {
      await this.images.inspect(image);
      return true;
    } catch (error) {
      if (isBandSoxError(error, "image_unknown")) return false;
      throw error;
    }
  }

  /** What happens on the server, in order; goes on until `signal` fires, unless `follow` is `false`. */
  async *events(
    query: EventQueryInput = {},
    signal?: AbortSignal,
  ): AsyncGenerator<BandSoxEvent, void, undefined> {
    yield* followEvents(this.#transport, query, signal);
  }

  /** Settles what dead processes left on the server's machine, and says what that was; with `dryRun` only says it. */
  async cleanup(
    options: {
      dryRun?: boolean | undefined;
      strays?: boolean | undefined;
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<CleanupReport> {
    const { dryRun: dry_run, strays, signal } = options;
    const call = { body: { dry_run, strays }, signal, timeoutMs: 0 };
    return fromWire<CleanupReport>(await this.#transport.call("POST /api/cleanup", call));
  }

  /** Forgets all events but the newest `keep`. @returns how many were forgotten */
  async pruneEvents({ keep }: { keep: number }): Promise<number> {
    return (await this.#transport.call("POST /api/events/prune", { body: { keep } })).pruned;
  }

  /** The error of a call that only the machine with the storage can make. */
  notRemote(call: string): Error {
    return notRemote(call);
  }

  /** What the image of a VM runs when it is given no command. */
  async imageCommand(vm: {
    readonly id: string;
  }): Promise<{ entrypoint: readonly string[]; cmd: readonly string[] }> {
    const { imageDigest = "" } = await (await this.getVm(vm.id)).info();
    const { config } = await this.images.inspect(imageDigest);
    return { entrypoint: config.entrypoint, cmd: config.cmd };
  }

  /** Ends nothing: a server goes on when its clients are gone. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Makes the disk of a stopped VM larger. Its guest sees the new size when it runs again. */
  async growDisk(
    vm: string,
    diskSizeMib: number,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<VmInfo> {
    const call = { params: { id: vm }, body: { disk_size_mib: diskSizeMib }, signal, timeoutMs: 0 };
    return fromWireVm(await this.#transport.call("PUT /api/vms/:id/disk-size", call));
  }
}
