import type {
  ExecResult,
  GuestProcess,
  LimitsPatch,
  Metadata,
  MetadataPatch,
  OomKill,
  PythonEvent,
  PythonResult,
  SnapshotInfo,
  VmEnd,
  VmId,
  VmInfo,
  VmStats,
} from "@bandsox/contract";
import { fromWire, fromWireSnapshot, fromWireVm, toWire } from "@bandsox/contract/wire";
import { type CloneOptions, cloneBody } from "./clone.ts";
import { collect } from "./collect.ts";
import { openConnection } from "./connection.ts";
import { BandSoxError, notRemote } from "./error.ts";
import { type Command, type ExecCall, type ExecOptions, isWhole, runExec, streamExec } from "./exec.ts";
import { duplexExec } from "./exec-duplex.ts";
import { ExecHandle } from "./exec-handle.ts";
import { RemoteFiles } from "./files.ts";
import type { ForwardedPort, ForwardPortOptions, GuestPorts } from "./host-ports.ts";
import { type HttpRequestOptions, type HttpResponse, sendHttpRequest } from "./http-request.ts";
import { RemoteNetwork } from "./network.ts";
import { type PythonOptions, type PythonStreamOptions, runPython, streamPython } from "./python.ts";
import type { ConnectOptions, RemoteConnection } from "./remote-connection.ts";
import { RemoteSessions } from "./sessions.ts";
import { textOf } from "./streams.ts";
import { attachTerminal, openTerminal, type RemoteTerminal, type TerminalOptions } from "./terminal.ts";
import type { Transport } from "./transport.ts";

interface Abortable {
  signal?: AbortSignal | undefined;
}
/** What came of one child of a fork. */
export type ForkResult = { readonly vm: RemoteVm } | { readonly error: Error };

/**
 * One VM of a server. A handle costs nothing and owns nothing. A command given as a string is run by `/bin/sh -c` in
 * the guest; as a list it is run as it is.
 */
export class RemoteVm {
  readonly id: VmId;
  /** Commands that outlive their clients */
  readonly sessions: RemoteSessions;
  /** The files in the guest */
  readonly files: RemoteFiles;
  /** Its network: what may be connected to, and what was */
  readonly network: RemoteNetwork;
  readonly #transport: Transport;

  constructor(transport: Transport, id: VmId) {
    this.#transport = transport;
    this.id = id;
    this.sessions = new RemoteSessions(transport, id);
    this.files = new RemoteFiles(transport, id);
    this.network = new RemoteNetwork(transport, id);
  }

  /** What is known of the VM now. @throws {BandSoxError} `vm_not_found` once it was deleted */
  async info(options: Abortable = {}): Promise<VmInfo> {
    return fromWireVm(await this.#transport.call("GET /api/vms/:id", { ...this.#at, ...options }));
  }

  /** Runs a command to its end. @returns its exit code; 128 + the signal's number when a signal ended it */
  async execCommand(command: Command, options: ExecOptions = {}): Promise<number> {
    return (await this.exec(command, { ...options, maxOutputBytes: 1 })).exitCode;
  }

  /** Runs a command to its end and keeps its output, at most `maxOutputBytes` of each stream. */
  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#run({ vm: this.id, command, options });
  }

  /** A command to be iterated for its output as it comes, or awaited for its result; see `ExecHandle`. */
  execStream(command: Command, options: ExecOptions = {}): ExecHandle {
    const call = { vm: this.id, command, options };
    return new ExecHandle({ run: () => this.#run(call), stream: () => this.#stream(call) });
  }

  /** Starts a command, or the user's login shell, on a terminal. */
  async terminal(options: TerminalOptions = {}): Promise<RemoteTerminal> {
    return openTerminal(this.sessions, options);
  }

  /** Another view of a terminal that exists, from an offset in its output, or `end` for what is to come. */
  async attachTerminal(
    sessionId: string,
    { from = 0 }: { from?: number | "end" } = {},
  ): Promise<RemoteTerminal> {
    return attachTerminal(await this.sessions.get(sessionId), from);
  }

  /** Runs Python source in the guest's `python3`. @returns its exit code; see `execPythonCapture` */
  async execPython(code: string, options: PythonOptions = {}): Promise<number> {
    return (await this.execPythonCapture(code, options)).exitCode;
  }

  /** Runs Python source in the guest's `python3` and keeps what it prints. @throws {BandSoxError} `python_missing` */
  async execPythonCapture(code: string, options: PythonOptions = {}): Promise<PythonResult> {
    return runPython(this.#transport, { vm: this.id, code, options });
  }

  /** Runs Python source and brings what it prints as it comes; leaving the iteration kills it. @throws {BandSoxError} `python_missing` */
  execPythonStream(
    code: string,
    options: PythonStreamOptions = {},
  ): AsyncGenerator<PythonEvent, void, undefined> {
    return streamPython(this.#transport, { vm: this.id, code, options });
  }

  /** Makes one HTTP request to a service in the guest. @throws {BandSoxError} `connect_failed`, `http_request_failed` */
  async sendHttpRequest(options: HttpRequestOptions): Promise<HttpResponse> {
    return sendHttpRequest(this.#transport, this.id, options);
  }

  /**
   * Opens a TCP connection to a port in the guest; under Node, by the library, it is a `Duplex`.
   *
   * @throws {BandSoxError} `connect_failed`
   */
  async connect(port: number, options: ConnectOptions = {}): Promise<RemoteConnection> {
    const { hostPorts } = this.#transport.options;
    const connection = await openConnection(this.#transport, { vm: this.id, port, ...options });
    const { allowHalfOpen = false } = options;
    return (hostPorts?.streamOf(connection, { allowHalfOpen }) ?? connection) as RemoteConnection;
  }

  /** Makes a port of the machine the client runs on lead to one in the guest, until it is disposed of. */
  async forwardPort(options: ForwardPortOptions): Promise<ForwardedPort> {
    const { hostPorts } = this.#transport.options;
    if (!hostPorts) throw notRemote("forwardPort where nothing can listen");
    const guest: GuestPorts = {
      assertReachable: () => this.#assertRuns(),
      connect: (port, how) => openConnection(this.#transport, { vm: this.id, port, ...how }),
    };
    return hostPorts.forwardPort(guest, options);
  }

  /** Asks the agent in the guest for a sign of life. @returns the time of one round trip from the server to it, in ms */
  async ping(options: Abortable = {}): Promise<number> {
    return (await this.#transport.call("GET /api/vms/:id/ping", { ...this.#at, ...options })).ms;
  }

  /** How the guest is doing: time, memory, disk, load; and what its VMM has counted, where the engine counts. */
  async stats(options: Abortable = {}): Promise<VmStats> {
    return fromWire<VmStats>(
      await this.#transport.call("GET /api/vms/:id/stats", { ...this.#at, ...options }),
    );
  }

  /** The guest's processes, those with the most memory first. */
  async processes({ limit, signal }: { limit?: number } & Abortable = {}): Promise<GuestProcess[]> {
    const query = limit === undefined ? {} : { limit: `${limit}` };
    const found = await this.#transport.call("GET /api/vms/:id/processes", { ...this.#at, query, signal });
    return fromWire<GuestProcess[]>(found);
  }

  /** The newest `bytes` (default: 64 KiB) of the guest kernel's log. */
  async kernelLog({ bytes, signal }: { bytes?: number } & Abortable = {}): Promise<string> {
    const query = bytes === undefined ? {} : { bytes: `${bytes}` };
    return (await this.#transport.open("GET /api/vms/:id/kernel-log", { ...this.#at, query, signal })).text();
  }

  /** The processes the guest's kernel killed because memory ran out. */
  async oomKills(options: Abortable = {}): Promise<OomKill[]> {
    return fromWire<OomKill[]>(
      await this.#transport.call("GET /api/vms/:id/oom-kills", { ...this.#at, ...options }),
    );
  }

  /** What the guest wrote to its console, as text; with `follow` what it goes on to write, until `signal` fires. */
  async *consoleLog({
    follow = false,
    signal,
  }: { follow?: boolean } & Abortable = {}): AsyncGenerator<string, void, undefined> {
    const query = { follow: follow ? "1" : "0" } as const;
    yield* textOf(this.#transport, "GET /api/vms/:id/console", { ...this.#at, query, signal });
  }

  /** What the VMM said of itself: as `consoleLog` tells what the guest said. */
  async *vmmLog({
    follow = false,
    signal,
  }: { follow?: boolean } & Abortable = {}): AsyncGenerator<string, void, undefined> {
    const query = { follow: follow ? "1" : "0" } as const;
    yield* textOf(this.#transport, "GET /api/vms/:id/vmm-log", { ...this.#at, query, signal });
  }

  /** Starts a stopped VM, or one that has failed, again from its disk. */
  async start(options: Abortable = {}): Promise<void> {
    await this.#transport.call("POST /api/vms/:id/start", { ...this.#at, ...options, timeoutMs: 0 });
  }

  /** Stops the VM and starts it again from its disk. */
  async restart({ graceMs, signal }: { graceMs?: number } & Abortable = {}): Promise<void> {
    const body = { grace_ms: graceMs };
    await this.#transport.call("POST /api/vms/:id/restart", { ...this.#at, body, signal, timeoutMs: 0 });
  }

  /** Stops the VM's processors; its memory stays. Does nothing when it is paused. */
  async pause(options: Abortable = {}): Promise<void> {
    await this.#transport.call("POST /api/vms/:id/pause", { ...this.#at, ...options });
  }

  /** Lets a paused VM go on, with the right time. Does nothing when it runs. */
  async resume(options: Abortable = {}): Promise<void> {
    await this.#transport.call("POST /api/vms/:id/resume", { ...this.#at, ...options });
  }

  /** Gives the VM another name. Its guest's host name is as it was until it starts again. */
  async rename(name: string): Promise<VmInfo> {
    await this.#transport.call("PUT /api/vms/:id/name", { ...this.#at, body: { name } });
    return this.info();
  }

  /** Replaces the VM's metadata. */
  async setMetadata(metadata: Metadata): Promise<VmInfo> {
    await this.#transport.call("PUT /api/vms/:id/metadata", { ...this.#at, body: { metadata } });
    return this.info();
  }

  /** Changes some of the VM's metadata: `null` takes a key away, keys that are not given stay. */
  async updateMetadata(changes: MetadataPatch): Promise<VmInfo> {
    const call = { ...this.#at, body: { metadata: changes } };
    return fromWireVm(await this.#transport.call("PATCH /api/vms/:id/metadata", call));
  }

  /** How the VM ended last, and what tells so; `undefined` of one that never has. */
  async why(options: Abortable = {}): Promise<VmEnd | undefined> {
    const end = await this.#transport.call("GET /api/vms/:id/why", { ...this.#at, ...options });
    return end ? fromWire<VmEnd>(end) : undefined;
  }

  /** Has other limits for the VM from now on; `null` lifts one. A new `timeoutMs` counts from now. */
  async setLimits(limits: LimitsPatch, { signal }: Abortable = {}): Promise<VmInfo> {
    const call = { ...this.#at, body: toWire(limits), signal };
    return fromWireVm(await this.#transport.call("PUT /api/vms/:id/limits", call));
  }

  /** Takes so much of the guest's memory for the host, in MiB, until told otherwise; `0` gives it back. */
  async reclaimMemory(mib: number, { signal }: Abortable = {}): Promise<void> {
    await this.#transport.call("PUT /api/vms/:id/reclaim", { ...this.#at, body: { mib }, signal });
  }

  /**
   * Saves the VM, running or paused, as it is at one moment; it goes on. `diff` keeps of its memory only what differs from
   * its last snapshot, or from what it goes on from itself (default: `false`).
   */
  async snapshot({
    signal,
    ...body
  }: { name?: string; metadata?: Metadata; diff?: boolean } & Abortable = {}): Promise<SnapshotInfo> {
    const call = { ...this.#at, body, signal, timeoutMs: 0 };
    const { snapshot_id: id } = await this.#transport.call("POST /api/vms/:id/snapshot", call);
    return fromWireSnapshot(await this.#transport.call("GET /api/snapshots/:id", { params: { id }, signal }));
  }

  /** Makes the VM what it was when a snapshot of it was taken. */
  async rollback(snapshot: string, { signal }: Abortable = {}): Promise<void> {
    const call = { ...this.#at, body: { snapshot }, signal, timeoutMs: 0 };
    await this.#transport.call("POST /api/vms/:id/rollback", call);
  }

  /** Makes VMs that go on where this one is now, each with a result of its own. */
  async fork(options: { count?: number } & CloneOptions & Abortable = {}): Promise<ForkResult[]> {
    const { count, signal, ...changes } = options;
    const call = { ...this.#at, body: { count, ...cloneBody(changes) }, signal, timeoutMs: 0 };
    const children = await this.#transport.call("POST /api/vms/:id/fork", call);
    return children.map((child) => {
      if ("vm" in child) return { vm: new RemoteVm(this.#transport, child.vm.id) };
      const { code, error: detail } = child;
      const failure = { code: code as "vm_start_failed", detail, details: {} as never, hint: "fork again" };
      return { error: new BandSoxError({ ...failure, retryable: true }) };
    });
  }

  /** Stops the VM: its processes get `graceMs` after SIGTERM, then disks are synced and it is ended. */
  async stop({ graceMs, signal }: { graceMs?: number } & Abortable = {}): Promise<void> {
    const body = { grace_ms: graceMs };
    await this.#transport.call("POST /api/vms/:id/stop", { ...this.#at, body, signal, timeoutMs: 0 });
  }

  /** Deletes the VM in any state, with its disk. */
  async delete(options: Abortable = {}): Promise<void> {
    await this.#transport.call("DELETE /api/vms/:id", { ...this.#at, ...options, timeoutMs: 0 });
  }

  async #assertRuns(): Promise<void> {
    const { state } = await this.info();
    if (state !== "stopped" && state !== "failed") return;
    const detail = `cannot talk to ${this.id}: it is ${state}, not running`;
    const details = { vmId: this.id, state, wanted: ["running" as const] };
    const failure = { code: "vm_wrong_state", detail, details, hint: "start the VM" } as const;
    throw new BandSoxError({ ...failure, retryable: false });
  }

  #run(call: ExecCall): Promise<ExecResult> {
    if (isWhole(call.options.stdin)) return runExec(this.#transport, call);
    return collect(duplexExec(this.#transport, call), call.options.maxOutputBytes);
  }

  #stream(call: ExecCall): ReturnType<typeof streamExec> {
    return isWhole(call.options.stdin)
      ? streamExec(this.#transport, call)
      : duplexExec(this.#transport, call);
  }

  get #at(): { readonly params: { readonly id: string } } {
    return { params: { id: this.id } };
  }
}
