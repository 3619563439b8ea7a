import type { Transport, VmId } from "@bandsox/contract";
import type { VmPaths } from "../host/paths.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";

/** What an engine can do, as data: callers ask this, never which engine it is. */
export interface EngineCapabilities {
  /** Whether guests can have a network */
  readonly networking: boolean;
  /** How guest code runs: on the processor, or emulated */
  readonly acceleration: "kvm" | "tcg";
}

/** The machine to be started. Paths are absolute and outlive the VM. */
export interface MachineSpec {
  readonly vcpu: number;
  readonly memMib: number;
  readonly vmlinuxPath: string;
  readonly initramfsPath: string;
  /** Read-only, shared */
  readonly baseDisk: string;
  /** Writable, the VM's own */
  readonly layerDisk: string;
}

export interface BootRequest {
  readonly vmId: VmId;
  readonly paths: VmPaths;
  readonly machine: MachineSpec;
  readonly signal?: AbortSignal | undefined;
}

/** A VMM whose guest agent answered. It belongs to its directory; nothing here keeps it alive. */
export interface BootedVmm {
  readonly supervisor: ProcessIdentity;
  /** Time from asking for the VMM until its process ran, in ms */
  readonly vmmMs: number;
  /** Time from then until the agent's channel answered, in ms */
  readonly guestMs: number;
  /** Where the guest sees its disks */
  readonly devices: { readonly base: string; readonly layer: string };
}

/** How a VMM ended. */
export interface VmmExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Whether we asked for it */
  readonly requested: boolean;
  readonly reason: string;
}

/** A kind of VMM. */
export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /**
   * Starts a VMM and its guest in the VM's directory, and returns once the agent's channel is up. On failure
   * nothing of it runs any more.
   *
   * @throws {BandSoxError} `vm_start_failed` with the console's last lines, `interrupted`
   */
  boot(request: BootRequest): Promise<BootedVmm>;
  /** The process that owns the VMM, if it still lives. */
  find(paths: VmPaths): ProcessIdentity | undefined;
  /** How host and guest of the VMM that was started last are connected. */
  findTransport(paths: VmPaths): Transport | undefined;
  /** Ends the VMM at once, whatever the guest does, and returns when it is gone. Idempotent. */
  terminate(paths: VmPaths): Promise<void>;
  /** Waits until the VMM has ended by itself. @returns whether it did within `timeoutMs` */
  waitForExit(paths: VmPaths, timeoutMs: number): Promise<boolean>;
  /** How the VMM ended, once it has and if its record was kept. */
  findExit(paths: VmPaths): VmmExit | undefined;
}
