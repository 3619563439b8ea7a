import {
  BandSoxError,
  type ExecEvent,
  type ExecResult,
  ExecSpec,
  parseInput,
  type VmId,
  type VmInfo,
} from "@bandsox/contract";
import type { z } from "zod";
import { collect } from "../guest/collect.ts";
import { VmFiles } from "../guest/files/vm-files.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { type PythonResult, pythonArgv, toPythonResult } from "./python.ts";
import { settle } from "./reconcile.ts";
import { type DeleteOptions, deleteVm, type StopOptions, stopVm } from "./stop-vm.ts";
import { toVmInfo } from "./vm-info.ts";
import type { VmPorts } from "./vm-ports.ts";

/** How to run a command; see `ExecSpec` for each field. */
export interface ExecOptions extends Omit<z.input<typeof ExecSpec>, "argv"> {
  /** Kills the command's process group when it fires; the call then rejects with `interrupted` */
  signal?: AbortSignal;
}

/**
 * One VM. A handle costs nothing and owns nothing: the VM lives on when the handle, or this process, is gone.
 * A command given as a string is run by `/bin/sh -c` in the guest; as a list it is run as it is.
 */
export class Vm {
  readonly id: VmId;
  readonly #ports: VmPorts;

  constructor(ports: VmPorts, id: VmId) {
    this.#ports = ports;
    this.id = id;
  }

  /** The files in the guest. */
  get files(): VmFiles {
    const { operations } = this.#ports;
    return new VmFiles({
      vmId: this.id,
      connect: () => operations.run(undefined, () => this.#guest("work with files")),
      attach: (signal) => operations.attach(signal),
    });
  }

  /** What is known of the VM now. @throws {BandSoxError} `vm_not_found` once it was deleted */
  async info(): Promise<VmInfo> {
    return this.#ports.operations.run(undefined, async () => toVmInfo(this.#ports, await this.#record()));
  }

  /** Runs a command to its end. @returns its exit code; 128 + the signal's number when a signal ended it */
  async execCommand(command: string | readonly string[], options: ExecOptions = {}): Promise<number> {
    return this.#ports.operations.run(options.signal, async (signal) => {
      for await (const event of this.execStream(command, { ...options, signal })) {
        if (event.type === "exit") return event.exitCode;
      }
      throw new Error("the exec's events ended without an exit");
    });
  }

  /** Runs a command to its end and keeps its output, at most 16 MiB of each stream. */
  async exec(command: string | readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return this.#ports.operations.run(options.signal, (signal) =>
      collect(this.execStream(command, { ...options, signal })),
    );
  }

  /** Runs a command and yields its output as it comes; the last event is `exit`. Leaving early kills it. */
  async *execStream(
    command: string | readonly string[],
    options: ExecOptions = {},
  ): AsyncGenerator<ExecEvent, void, undefined> {
    const { signal, ...rest } = options;
    const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
    const spec = parseInput(ExecSpec, { argv, ...rest }, "exec");
    const { operations } = this.#ports;
    using stream = operations.attach(signal);
    await using guest = await operations.run(stream.signal, () => this.#guest());
    yield* guest.exec(spec, stream.signal);
  }

  /**
   * Runs Python source in the guest's `python3` and keeps what it prints. A program that fails is a result with
   * `success: false`; only a VM that cannot run it rejects.
   */
  async execPythonCapture(code: string, options: ExecOptions = {}): Promise<PythonResult> {
    return toPythonResult(await this.exec(pythonArgv(code), options));
  }

  /** Stops the VM: its processes get `graceMs` after SIGTERM, then disks are synced and it is ended. */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.#ports.operations.run(options.signal, (signal) =>
      stopVm(this.#ports, this.id, { ...options, signal }),
    );
  }

  /** Deletes the VM in any state, with its disk. */
  async delete(options: DeleteOptions = {}): Promise<void> {
    await this.#ports.operations.run(options.signal, (signal) => deleteVm(this.#ports, this.id, { signal }));
  }

  async #guest(doing = "run a command"): Promise<GuestClient> {
    const { state } = await this.#record();
    if (state !== "running") {
      const message = `cannot ${doing} in ${this.id}: it is ${state}, not running`;
      throw new BandSoxError("vm_wrong_state", message, { vmId: this.id, state, wanted: ["running"] });
    }
    return new GuestClient({ vmId: this.id, socketPath: vmPaths(this.#ports.paths, this.id).agentSocket });
  }

  async #record(): Promise<VmRecord> {
    const record = this.#ports.records.find(this.id);
    const settled = record && (await settle(this.#ports, record));
    if (settled) return settled;
    throw new BandSoxError("vm_not_found", `there is no VM ${this.id}`, { vmId: this.id });
  }
}
