import type { Metadata, VmInfo } from "@bandsox/contract";
import { fromWireVm } from "@bandsox/contract/wire";
import { RemoteSnapshots } from "./snapshots.ts";
import { type ClientOptions, Transport } from "./transport.ts";
import { RemoteVm } from "./vm.ts";

/** Everything about a new VM but its image; see the library's `VmSpec` for each field. */
export interface CreateVmOptions {
  name?: string | undefined;
  vcpu?: number | undefined;
  memMib?: number | undefined;
  diskSizeMib?: number | undefined;
  networking?: boolean | undefined;
  boot?: "golden" | "cold" | undefined;
  env?: Record<string, string> | undefined;
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
  readonly #transport: Transport;

  constructor(url: string, options: ClientOptions = {}) {
    this.#transport = new Transport(url, options);
    this.snapshots = new RemoteSnapshots(this.#transport);
  }

  /** Makes a VM from an image and returns once it runs commands. On failure nothing is left behind. */
  async createVm(image: string, options: CreateVmOptions = {}): Promise<RemoteVm> {
    const { signal, memMib: mem_mib, diskSizeMib: disk_size_mib, networking, env, ...rest } = options;
    const body = { image, ...rest, mem_mib, disk_size_mib, enable_networking: networking, env_vars: env };
    const { vm } = await this.#transport.call("POST /api/vms", { body, signal, timeoutMs: 0 });
    return new RemoteVm(this.#transport, vm.id);
  }

  /** A VM by its id, its name, or the start of its id. @throws {BandSoxError} `vm_not_found`, `vm_ambiguous` */
  async getVm(reference: string, { signal }: { signal?: AbortSignal } = {}): Promise<RemoteVm> {
    const { id } = await this.#transport.call("GET /api/vms/:id", { params: { id: reference }, signal });
    return new RemoteVm(this.#transport, id);
  }

  /** All VMs of the server, the newest first, as they are now. */
  async listVms({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<VmInfo[]> {
    return (await this.#transport.call("GET /api/vms", { query: {}, signal })).map(fromWireVm);
  }

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
