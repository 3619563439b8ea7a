import type { NetworkInfo, Networking, NetworkSpec, PublishedPort, VmId } from "@bandsox/contract";
import type { NetworkService, NicBackend, NicSpec } from "../engine/engine.ts";
import type { GuestNetwork } from "../guest/guest-client.ts";

/** What a VM's machine is connected with. */
export interface NetworkAttachment {
  readonly nic: NicSpec;
  /** What the guest is told of its place */
  readonly guest: GuestNetwork;
  readonly service?: NetworkService | undefined;
}

/** Who asks for a network. */
export interface NetworkClient {
  readonly id: VmId;
  readonly name: string;
}

/** For a VM's supervisor: rules for the kernel and for names, and whose connections are judged anew. */
export interface PolicyChange {
  readonly rules: object;
  readonly names: object;
  readonly forget: readonly string[];
}

/** The networks of a storage's VMs. */
export interface Networks {
  /**
   * What a new VM gets: what was asked for, or, where nothing was, a network if this host can give it one; why not is
   * told as a warning.
   *
   * @throws {BandSoxError} `networking_unavailable`, `network_not_found` when it was asked for and cannot be
   */
  settle(
    asked: Networking | undefined,
    backends: readonly NicBackend["kind"][],
  ): Promise<NetworkSpec | false>;
  /** Connects a VM whose VMM is going to be started; all of it or nothing. @throws {BandSoxError} `network_failed` and others */
  attach(vm: NetworkClient, network: NetworkSpec, signal?: AbortSignal): Promise<NetworkAttachment>;
  /** Takes back what a VM was connected with. Idempotent; the VMM has ended. */
  detach(id: VmId): Promise<void>;
  /** What a VM's supervisor is told when its policy changes; `undefined` when the VM has no slot. */
  change(id: VmId, network: NetworkSpec): Promise<PolicyChange | undefined>;
  /** How a VM that runs is reached; `listening` is where its supervisor listens for it. */
  describe(id: VmId, network: NetworkSpec, listening: readonly PublishedPort[] | undefined): NetworkInfo;
  /** Removes what dead processes left; `isWanted` says whether a VM may be connected. */
  reconcile(isWanted: (id: VmId) => boolean): Promise<void>;
}
