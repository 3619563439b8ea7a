import type { Metadata, SnapshotDetails, SnapshotInfo } from "@bandsox/contract";
import { fromWireSnapshot } from "@bandsox/contract/wire";
import { type CloneOptions, cloneBody } from "./clone.ts";
import { notRemote } from "./error.ts";
import { bytesOf } from "./streams.ts";
import type { Transport } from "./transport.ts";
import { RemoteVm } from "./vm.ts";

/** How a VM made from a snapshot differs from the one it was taken of. */
export interface RestoreOptions extends CloneOptions {
  /** Also the guest's host name (default: the new VM's id) */
  name?: string | undefined;
  signal?: AbortSignal | undefined;
}

interface Abortable {
  signal?: AbortSignal | undefined;
}

interface ImportOptions extends Abortable {
  /** Its name there (default: the one it had, or its id when that is taken) */
  name?: string | undefined;
}

interface RegistryOptions extends Abortable {
  /** `user:password` for the registry */
  creds?: string | undefined;
  /** Hosts that may be spoken to over plain HTTP */
  insecure?: readonly string[] | undefined;
}

function bodyOf({ creds, insecure }: Omit<RegistryOptions, "signal">) {
  return { creds, insecure: insecure && [...insecure] };
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
  async inspect(snapshot: string): Promise<SnapshotDetails> {
    return fromWireSnapshot(
      await this.#transport.call("GET /api/snapshots/:id", { params: { id: snapshot } }),
    );
  }

  /** Makes a VM that goes on where the snapshot was taken, with everything that ran in it. */
  async restore(snapshot: string, options: RestoreOptions = {}): Promise<RemoteVm> {
    const { name, signal, ...changes } = options;
    const body = { name, ...cloneBody(changes) };
    const call = { params: { id: snapshot }, body, signal, timeoutMs: 0 };
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

  /** A snapshot as the bytes of one file, with the base disk and the kernel it stands on. */
  exportStream(snapshot: string, { signal }: Abortable = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const call = { params: { id: snapshot }, signal, timeoutMs: 0 };
    return bytesOf(this.#transport, "GET /api/snapshots/:id/export", { ...call, accept: "*/*" });
  }

  /** Writes a snapshot into one file of the machine the client runs on, which must not exist. */
  async export(snapshot: string, file: string, options: Abortable = {}): Promise<void> {
    const { hostFiles } = this.#transport.options;
    if (!hostFiles) throw notRemote("snapshots.export into a file");
    await hostFiles.writeNew(file, this.exportStream(snapshot, options));
  }

  /** Takes a snapshot from the bytes of a file that was exported, here or elsewhere. */
  async importStream(bytes: BodyInit, { name, signal }: ImportOptions = {}): Promise<SnapshotInfo> {
    const call = { query: { name }, bytes, signal, timeoutMs: 0 };
    return fromWireSnapshot(await this.#transport.call("POST /api/snapshots/import", call));
  }

  /** Takes a snapshot from a file of the machine the client runs on. */
  async import(file: string, options: ImportOptions = {}): Promise<SnapshotInfo> {
    const { hostFiles } = this.#transport.options;
    if (!hostFiles) throw notRemote("snapshots.import of a file");
    return this.importStream(await hostFiles.open(file), options);
  }

  /** Stores a snapshot in an OCI registry the server reaches. */
  async push(
    snapshot: string,
    reference: string,
    options: RegistryOptions = {},
  ): Promise<{ readonly digest: string }> {
    const { signal, ...access } = options;
    const call = { params: { id: snapshot }, body: { reference, ...bodyOf(access) }, signal, timeoutMs: 0 };
    return this.#transport.call("POST /api/snapshots/:id/push", call);
  }

  /** Takes a snapshot from an OCI registry the server reaches. */
  async pull(reference: string, options: RegistryOptions & ImportOptions = {}): Promise<SnapshotInfo> {
    const { signal, name, ...access } = options;
    const call = { body: { reference, name, ...bodyOf(access) }, signal, timeoutMs: 0 };
    return fromWireSnapshot(await this.#transport.call("POST /api/snapshots/pull", call));
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
