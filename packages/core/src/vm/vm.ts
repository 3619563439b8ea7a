import type { Duplex } from "node:stream";
import {
  type ExecEvent,
  type ExecResult,
  ExecSpec,
  type GuestProcess,
  LimitsPatch,
  Metadata,
  MetadataPatch,
  type OomKill,
  type PythonEvent,
  type PythonResult,
  parseInput,
  type SnapshotInfo,
  type VmEnd,
  type VmId,
  type VmInfo,
  VmName,
  type VmStats,
} from "@bandsox/contract";
import { collect } from "../guest/collect.ts";
import { execWithStdin } from "../guest/exec-duplex.ts";
import { ExecHandle } from "../guest/exec-handle.ts";
import { VmFiles } from "../guest/files/vm-files.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { type ForkOptions, type ForkResult, forkVm } from "../snapshot/fork-vm.ts";
import { rollBack } from "../snapshot/roll-back.ts";
import { toSnapshotInfo } from "../snapshot/snapshot-info.ts";
import { type SnapshotOptions, takeSnapshot } from "../snapshot/take-snapshot.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { type ConnectOptions, connectGuest } from "./connect.ts";
import { Capture, type ExecOptions } from "./exec-options.ts";
import { explained } from "./explain-end.ts";
import { type ForwardedPort, type ForwardPortOptions, forwardPort } from "./forward-port.ts";
import { measureVm } from "./host-view.ts";
import { type HttpRequestOptions, type HttpResponse, sendHttpRequest } from "./http-request.ts";
import { idlenessOf } from "./idleness.ts";
import { setLimits } from "./limits.ts";
import { pauseVm, resumeVm } from "./pause-vm.ts";
import { type PythonOptions, type PythonStreamOptions, runPython, streamPython } from "./python-run.ts";
import { agentEndpoint, observerEndpoint, settledRecord } from "./reach-guest.ts";
import { reclaimMemory } from "./reclaim-memory.ts";
import { settle } from "./reconcile.ts";
import type { StageOptions } from "./stages.ts";
import { startVm } from "./start-vm.ts";
import { type DeleteOptions, deleteVm, type StopOptions, stopVm } from "./stop-vm.ts";
import { commandText, explaining, told } from "./tell-exec.ts";
import { attachTerminal, openTerminal, type Terminal, type TerminalOptions } from "./terminal.ts";
import { type Command, commandArgv, type VmGuest, vmGuest } from "./vm-guest.ts";
import { guestKernelLog, guestOomKills, guestPing, guestProcesses, guestStats } from "./vm-health.ts";
import { toVmInfo } from "./vm-info.ts";
import { type LogOptions, readVmLog, type VmLog } from "./vm-log.ts";
import { VmNetwork } from "./vm-network.ts";
import type { VmPorts } from "./vm-ports.ts";
import { VmSessions } from "./vm-sessions.ts";

/**
 * One VM. A handle costs nothing and owns nothing: the VM lives on when the handle, or this process, is gone.
 * A command given as a string is run by `/bin/sh -c` in the guest; as a list it is run as it is.
 */
export class Vm {
  readonly id: VmId;
  /** Commands that outlive their clients */
  readonly sessions: VmSessions;
  /** Its network: what may be connected to, and what was */
  readonly network: VmNetwork;
  readonly #ports: VmPorts;
  readonly #guest: VmGuest;
  /** The same, reached so that it does not count as use */
  readonly #observed: VmGuest;

  constructor(ports: VmPorts, id: VmId) {
    this.#ports = ports;
    this.id = id;
    const explain = (error: unknown) => explained(ports, id, error);
    this.#guest = vmGuest(ports.operations, { endpoint: () => agentEndpoint(this.#ports, this.id), explain });
    this.#observed = vmGuest(ports.operations, {
      endpoint: () => observerEndpoint(this.#ports, this.id),
      explain,
    });
    this.network = new VmNetwork(ports, id);
    this.sessions = new VmSessions(this.#guest, ({ sessionId, argv, terminal }) => {
      const details = { sessionId, command: commandText(argv), terminal };
      ports.events.appendSoon({ type: "session.started", vmId: id, details });
    });
  }

  /** The files in the guest. */
  get files(): VmFiles {
    const { operations } = this.#ports;
    return new VmFiles({
      vmId: this.id,
      connect: () => this.#guest.call(undefined, async (endpoint) => new GuestClient(endpoint)),
      attach: (signal) => operations.attach(signal),
    });
  }

  /** What is known of the VM now. @throws {BandSoxError} `vm_not_found` once it was deleted */
  async info(): Promise<VmInfo> {
    return this.#ports.operations.run(undefined, async () => {
      const record = await this.#record();
      const idle = await idlenessOf(this.#ports, record);
      return { ...toVmInfo(this.#ports, record), ...(idle === undefined ? {} : { idle }) };
    });
  }

  /** How the VM ended last, and what tells so; `undefined` of one that never has. It is kept when the VM is gone. */
  async why(): Promise<VmEnd | undefined> {
    return this.#ports.operations.run(undefined, async () => {
      const record = this.#ports.records.find(this.id);
      if (record) await settle(this.#ports, record);
      return this.#ports.ends.find(this.id);
    });
  }

  /** Has other limits for the VM from now on, see `VmSpec`; `null` lifts one. A new `timeoutMs` counts from now. */
  async setLimits(limits: LimitsPatch, options: { signal?: AbortSignal } = {}): Promise<VmInfo> {
    const patch = parseInput(LimitsPatch, limits, "limits");
    await this.#change(options.signal, (signal) => setLimits(this.#ports, this.id, { patch, signal }));
    return this.info();
  }

  /** Takes so much of the guest's memory for the host, in MiB, until told otherwise; see `reclaimMemory`. */
  async reclaimMemory(mib: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#change(options.signal, (signal) => reclaimMemory(this.#ports, this.id, { mib, signal }));
  }

  /** Runs a command to its end. @returns its exit code; 128 + the signal's number when a signal ended it */
  async execCommand(command: Command, options: ExecOptions = {}): Promise<number> {
    return this.#ports.operations.run(options.signal, async (signal) => {
      for await (const event of this.execStream(command, { ...options, signal })) {
        if (event.type === "exit") return event.exitCode;
      }
      throw new Error("the exec's events ended without an exit");
    });
  }

  /** Runs a command to its end and keeps its output, at most `maxOutputBytes` of each stream. */
  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#ports.operations.run(options.signal, (signal) =>
      collect(this.execStream(command, { ...options, signal }), options.maxOutputBytes),
    );
  }

  /** A command to be iterated for its output as it comes, or awaited for its result; see `ExecHandle`. */
  execStream(command: Command, options: ExecOptions = {}): ExecHandle {
    return new ExecHandle(this.#exec(command, options), options.maxOutputBytes);
  }

  /** Runs Python source in the guest's `python3`. @returns its exit code; see `execPythonCapture` */
  async execPython(code: string, options: PythonOptions = {}): Promise<number> {
    return (await this.execPythonCapture(code, options)).exitCode;
  }

  /**
   * Runs Python source in the guest's `python3` and keeps what it prints. A program that fails, or packages that
   * cannot be installed, are a result with `success: false`; only a VM that cannot run it rejects.
   *
   * @throws {BandSoxError} `python_missing`
   */
  async execPythonCapture(code: string, options: PythonOptions = {}): Promise<PythonResult> {
    return this.#ports.operations.run(options.signal, (signal) =>
      runPython(this, code, { ...options, signal }),
    );
  }

  /**
   * Runs Python source in the guest's `python3` and brings what it prints as it comes; leaving the iteration kills it.
   *
   * @throws {BandSoxError} `python_missing`
   */
  execPythonStream(
    code: string,
    options: PythonStreamOptions = {},
  ): AsyncGenerator<PythonEvent, void, undefined> {
    return streamPython(this, code, options);
  }

  /** Starts a command, or the user's login shell, on a terminal. */
  async terminal(options: TerminalOptions = {}): Promise<Terminal> {
    return openTerminal(this.sessions, options);
  }

  /**
   * Another view of a terminal that exists.
   *
   * @param from offset in its output to begin at; by default all that is kept, `end` for what is to come
   */
  async attachTerminal(sessionId: string, { from = 0 }: { from?: number | "end" } = {}): Promise<Terminal> {
    return attachTerminal(await this.sessions.get(sessionId), from);
  }

  /** Opens a TCP connection to a port in the guest. @throws {BandSoxError} `connect_failed` */
  async connect(port: number, options: ConnectOptions = {}): Promise<Duplex> {
    return connectGuest(this.#guest, port, options);
  }

  /** Makes a port of this machine lead to one in the guest, until it is disposed of. */
  async forwardPort(options: ForwardPortOptions): Promise<ForwardedPort> {
    return forwardPort(this.#guest, options);
  }

  /** Makes one HTTP request to a service in the guest. @throws {BandSoxError} `connect_failed`, `http_request_failed` */
  async sendHttpRequest(options: HttpRequestOptions): Promise<HttpResponse> {
    return sendHttpRequest(this.#guest, options);
  }

  /**
   * Asks the agent in the guest for a sign of life, on a connection that is kept for a second. It does not count as a use of
   * the VM; but what the guest does to answer is processor time of its own.
   *
   * @returns the time of one round trip in ms, the making of a connection not counted; of a whole call to an older agent
   * @throws {BandSoxError} `vm_wrong_state`, `guest_unreachable`: it did not answer within a minute; `guest_protocol`, `interrupted`
   */
  async ping(options: { signal?: AbortSignal } = {}): Promise<number> {
    return guestPing(this.#observed, { ...options, lines: this.#ports.pings });
  }

  /** How the guest is doing: time, memory, disk, load; and what its VMM has counted, where the engine counts. */
  async stats(options: { signal?: AbortSignal } = {}): Promise<VmStats> {
    const stats = await guestStats(this.#observed, options);
    const vmm = await this.#ports.operations.run(options.signal, () => measureVm(this.#ports, this.id));
    return { ...stats, ...(vmm ? { vmm } : {}) };
  }

  /** The guest's processes, those with the most memory first. */
  async processes(options: { limit?: number; signal?: AbortSignal } = {}): Promise<GuestProcess[]> {
    return guestProcesses(this.#observed, options);
  }

  /** The newest `bytes` (default: 64 KiB) of the guest kernel's log. */
  async kernelLog(options: { bytes?: number; signal?: AbortSignal } = {}): Promise<string> {
    return guestKernelLog(this.#observed, options);
  }

  /** The processes the guest's kernel killed because memory ran out. */
  async oomKills(options: { signal?: AbortSignal } = {}): Promise<OomKill[]> {
    return guestOomKills(this.#observed, options);
  }

  /**
   * What the guest wrote to its console, as text without control characters, in any state of the VM; with `follow`
   * what it goes on to write, until it has stopped or `signal` fires.
   */
  consoleLog(options: LogOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#log("console", options);
  }

  /** What the VMM said of itself: as `consoleLog` tells what the guest said. */
  vmmLog(options: LogOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.#log("vmmLog", options);
  }

  /**
   * Starts a stopped VM, or one that has failed, again from its disk; one that does not start stays as it was.
   *
   * @throws {BandSoxError} `vm_wrong_state`, `vm_start_failed`
   */
  async start(options: StageOptions = {}): Promise<void> {
    await this.#change(options.signal, async (signal) => {
      await startVm(this.#ports, this.id, { ...options, signal });
    });
  }

  /** Stops the VM and starts it again from its disk. */
  async restart(options: StopOptions & StageOptions = {}): Promise<void> {
    const { graceMs, onStage, signal } = options;
    await this.stop({ graceMs, signal });
    await this.start({ onStage, signal });
  }

  /** Stops the VM's processors; its memory stays, and costs what it did. Does nothing when it is paused. */
  async pause(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#change(options.signal, (signal) => pauseVm(this.#ports, this.id, signal));
  }

  /** Lets a paused VM go on, with the right time. Does nothing when it runs. */
  async resume(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#change(options.signal, (signal) => resumeVm(this.#ports, this.id, signal));
  }

  /** Gives the VM another name. Its guest's host name is as it was until it starts again. */
  async rename(name: string): Promise<VmInfo> {
    const wanted = parseInput(VmName, name, "name");
    return this.#edit(() => this.#ports.records.rename(this.id, wanted));
  }

  /** Replaces the VM's metadata. */
  async setMetadata(metadata: Metadata): Promise<VmInfo> {
    const wanted = parseInput(Metadata, metadata, "metadata");
    return this.#edit(() => this.#ports.records.setMetadata(this.id, wanted));
  }

  /** Changes some of the VM's metadata: `null` takes a key away, keys that are not given stay. */
  async updateMetadata(changes: MetadataPatch): Promise<VmInfo> {
    const wanted = parseInput(MetadataPatch, changes, "metadata");
    return this.#edit(() => this.#ports.records.patchMetadata(this.id, wanted));
  }

  /** Saves the VM, running or paused, as it is at one moment; it goes on. See `takeSnapshot`. */
  async snapshot(options: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.#ports.operations.run(options.signal, async (signal) =>
      toSnapshotInfo(this.#ports, await takeSnapshot(this.#ports, this.id, { ...options, signal })),
    );
  }

  /** Makes the VM what it was when a snapshot of it was taken; see `rollBack`. */
  async rollback(snapshot: string, options: StageOptions = {}): Promise<void> {
    await this.#ports.operations.run(options.signal, async (signal) => {
      await rollBack(this.#ports, this.id, { ...options, signal, snapshot });
    });
  }

  /** Makes VMs that go on where this one is now, each with a result of its own; see `forkVm`. */
  async fork(options: ForkOptions = {}): Promise<ForkResult<Vm>[]> {
    return this.#ports.operations.run(options.signal, async (signal) => {
      const results = await forkVm(this.#ports, this.id, { ...options, signal });
      return results.map((one) => ("vm" in one ? { vm: new Vm(this.#ports, one.vm.id) } : one));
    });
  }

  /** Stops the VM: its processes get `graceMs` after SIGTERM, then disks are synced and it is ended. */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.#change(options.signal, (signal) => stopVm(this.#ports, this.id, { ...options, signal }));
  }

  /** Deletes the VM in any state, with its disk. */
  async delete(options: DeleteOptions = {}): Promise<void> {
    await this.#change(options.signal, (signal) => deleteVm(this.#ports, this.id, { signal }));
  }

  async *#exec(command: Command, options: ExecOptions): AsyncGenerator<ExecEvent, void, undefined> {
    const { signal, stdin, maxOutputBytes, ...rest } = options;
    const spec = parseInput(ExecSpec, { argv: commandArgv(command), ...rest }, "exec");
    parseInput(Capture, { maxOutputBytes }, "exec");
    using attached = this.#guest.attach(signal);
    const endpoint = await this.#guest.call(attached.signal, async (found) => found);
    await using guest = new GuestClient(endpoint);
    const output =
      stdin === undefined
        ? guest.exec(spec, attached.signal)
        : execWithStdin(endpoint, spec, { stdin, signal: attached.signal });
    yield* told(
      explaining(output, (error) => explained(this.#ports, this.id, error)),
      { events: this.#ports.events, vmId: this.id, argv: spec.argv },
    );
  }

  async *#log(of: VmLog, options: LogOptions): AsyncGenerator<string, void, undefined> {
    await this.#ports.operations.run(options.signal, () => this.#record());
    yield* readVmLog(this.#ports, this.id, { of, ...options });
  }

  async #edit(change: () => void): Promise<VmInfo> {
    return this.#ports.operations.run(undefined, async () => {
      await this.#record();
      change();
      return toVmInfo(this.#ports, await this.#record());
    });
  }

  /** Changes the VM from the state it is in, which may be another than the one written down. */
  async #change<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#ports.operations.run(signal, async (either) => {
      const record = this.#ports.records.find(this.id);
      if (record) await settle(this.#ports, record);
      return work(either);
    });
  }

  async #record(): Promise<VmRecord> {
    return settledRecord(this.#ports, this.id);
  }
}
