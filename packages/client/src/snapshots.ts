import type { Metadata, SnapshotInfo } from "@bandsox/contract";
import { fromWireSnapshot } from "@bandsox/contract/wire";
import type { Transport } from "./transport.ts";
import { RemoteVm } from "./vm.ts";

/** How a VM made from a snapshot differs from the one it was taken of. */
export interface RestoreOptions {
  name?: string | undefined;
  env?: Record<string, string> | undefined;
  metadata?: Metadata | undefined;
  signal?: AbortSignal | undefined;
}

/** The snapshots of a server. They are named by id, by name, or by the start of an id. */
export class RemoteSnapshots {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All snapshots, the newest first. */
  async list(): Promise<SnapshotInfo[]> {
    return (await this.#transport.call("GET /api/snapshots", {})).map(fromWireSnapshot);
  }

  /** @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous` */
  async inspect(snapshot: string): Promise<SnapshotInfo> {
    return fromWireSnapshot(
      await this.#transport.call("GET /api/snapshots/:id", { params: { id: snapshot } }),
    );
  }

  /** Makes a VM that goes on where the snapshot was taken, with everything that ran in it. */
  async restore(snapshot: string, options: RestoreOptions = {}): Promise<RemoteVm> {
    const { name, env: env_vars, metadata, signal } = options;
    const call = { params: { id: snapshot }, body: { name, env_vars, metadata }, signal, timeoutMs: 0 };
    const { vm } = await this.#transport.call("POST /api/snapshots/:id/restore", call);
    return new RemoteVm(this.#transport, vm.id);
  }

  /** @throws {BandSoxError} `invalid_argument`, `snapshot_not_found`, `snapshot_name_taken` */
  async rename(snapshot: string, name: string): Promise<SnapshotInfo> {
    const { id } = await this.inspect(snapshot); // the reference may be the name that goes
    await this.#transport.call("PUT /api/snapshots/:id/name", { params: { id }, body: { name } });
    return this.inspect(id);
  }

  /** Replaces a snapshot's metadata. @throws {BandSoxError} `invalid_argument`, `snapshot_not_found` */
  async setMetadata(snapshot: string, metadata: Metadata): Promise<SnapshotInfo> {
    const call = { params: { id: snapshot }, body: { metadata } };
    return fromWireSnapshot(await this.#transport.call("PUT /api/snapshots/:id/metadata", call));
  }

  /** Deletes a snapshot. @throws {BandSoxError} `snapshot_not_found`, `snapshot_in_use` unless `force` */
  async delete(
    snapshot: string,
    { force = false, signal }: { force?: boolean; signal?: AbortSignal } = {},
  ): Promise<void> {
    const call = { params: { id: snapshot }, query: { force: force ? "1" : "0" }, signal } as const;
    await this.#transport.call("DELETE /api/snapshots/:id", call);
  }
}
