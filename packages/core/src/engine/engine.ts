import type { Transport, VmId, VmmStats } from "@bandsox/contract";
import type { VmPaths } from "../host/paths.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";

/** What an engine can do, as data: callers ask this, never which engine it is. */
export interface EngineCapabilities {
  /** How guests can be connected: by a TAP device, or in user mode, which needs no rights on the host; none: not at all */
  readonly networking: readonly NicBackend["kind"][];
  /** Whether machines can be paused, saved and gone on from */
  readonly snapshots: boolean;
  /** Whether what a disk moves per second can be limited */
  readonly diskLimits: boolean;
  /** Whether memory can be taken back from a guest that runs */
  readonly reclaim: boolean;
}

/** What a VM's writable disk may move per second; `0` is no limit. */
export interface DiskLimits {
  /** In MiB/s */
  readonly bandwidthMbps: number;
  readonly iops: number;
}

/** What carries the frames of a machine's network device on the host. */
export type NicBackend =
  | {
      readonly kind: "tap";
      /** Name of the TAP device */
      readonly tap: string;
      /**
       * Path of the network namespace the device is in. Without one it is made in a namespace of the machine's own,
       * where nothing is connected to it: for a machine that is only there to be saved
       */
      readonly netns?: string | undefined;
    }
  | { readonly kind: "user" };

/**
 * A machine's network device, a virtio-net. All but the backend's names is the same for every machine, so that any goes
 * on from a save of any other with the same kind of backend. A TAP device has offloads (`IFF_VNET_HDR`).
 */
export interface NicSpec {
  /** The guest's address on the link, e.g. `06:00:ac:1f:ff:02` */
  readonly mac: string;
  readonly backend: NicBackend;
}

/** The machine to be started. Paths are absolute and outlive the VM. */
export interface MachineSpec {
  readonly vcpu: number;
  readonly memMib: number;
  readonly vmlinuxPath: string;
  readonly initramfsPath: string;
  /** Of `memMib`; the guest's memory is a private mapping of it. Zeros when the machine boots */
  readonly memoryFile: string;
  /** Read-only, shared */
  readonly baseDisk: string;
  /** Writable, the VM's own */
  readonly layerDisk: string;
  /** Absent: the machine has no network device, and another shape */
  readonly nic?: NicSpec | undefined;
  /** What the layer disk may move (default, for each: the engine's) */
  readonly diskLimits?: Partial<DiskLimits> | undefined;
}

/** A machine saved at one moment: files that are never written again. */
export interface SavedMachine {
  /** The guest's memory, sparse; machines that go on from it share its pages until they change them */
  readonly memory: string;
  /** The state of processors and devices */
  readonly state: string;
}

/** Where a machine is saved to: absolute paths of files that do not exist yet. */
export interface SaveDestination extends SavedMachine {
  /** A copy of the layer disk goes here, when it is wanted */
  readonly layerDisk?: string | undefined;
}

/** What is done on the host for a guest's network while it runs; for the VM's supervisor, see its `Network`. */
export type NetworkService = Readonly<Record<string, unknown>>;

export interface BootRequest {
  readonly vmId: VmId;
  readonly paths: VmPaths;
  readonly machine: MachineSpec;
  /** Goes on from a machine of the same shape instead of booting; its disks may be others of the same size */
  readonly from?: SavedMachine | undefined;
  /** The disk that the machine's layer is made a copy of while its VMM starts (default: the layer is there) */
  readonly layerFrom?: string | undefined;
  /** What the supervisor serves the guest's network with (default: nothing) */
  readonly network?: NetworkService | undefined;
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
  /** What this machine's kernel said when it killed the VMM for want of memory */
  readonly hostOom?: string | undefined;
}

/** A kind of VMM. VMs it once started can be looked after even where it can start no more. */
export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** Whether this host can start its VMs at all. @throws {BandSoxError} `engine_unavailable` with the reason */
  check(): void;
  /**
   * Starts a VMM and its guest in the VM's directory, and returns once the agent's channel is up. On failure
   * nothing of it runs any more.
   *
   * @throws {BandSoxError} `engine_unavailable`, `vm_start_failed` with the console's last lines, `disk_full`, `interrupted`
   */
  boot(request: BootRequest): Promise<BootedVmm>;
  /**
   * Names everything a saved machine depends on besides its disks: equal for machines that can go on from each
   * other's saves.
   */
  shape(machine: Omit<MachineSpec, "baseDisk" | "layerDisk">): string;
  /** The file that a VM's memory is a mapping of, if it is one that others may go on from as well. */
  mappedFile(paths: VmPaths): string | undefined;
  /** Stops the guest's processors. Idempotent. */
  pause(paths: VmPaths): Promise<void>;
  /** Lets the guest go on. Idempotent. */
  resume(paths: VmPaths): Promise<void>;
  /**
   * Writes the machine as it is at one moment, and lets it go on if it ran.
   *
   * @returns how long the guest stood still, in ms
   * @throws {BandSoxError} `vm_control_failed`
   */
  save(paths: VmPaths, into: SaveDestination): Promise<{ pausedMs: number }>;
  /**
   * What the VMM has counted: of this moment with `fresh`, else when it told last, at most a minute ago. `undefined` where
   * nothing is counted, or not yet.
   *
   * @throws {BandSoxError} `vm_control_failed`, with `fresh`
   */
  measure(paths: VmPaths, options?: { readonly fresh?: boolean }): Promise<VmmStats | undefined>;
  /**
   * Takes so much of the guest's memory for the host, in MiB, until told otherwise or the guest needs it.
   *
   * @throws {BandSoxError} `vm_control_failed`
   */
  reclaim(paths: VmPaths, mib: number): Promise<void>;
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
