import {
  BandSoxError,
  Egress,
  type EgressInput,
  type NetworkDecision,
  parseInput,
  type VmId,
} from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import { changePolicy } from "../network/change-policy.ts";
import { readDecisions } from "../network/decisions.ts";
import { networkOf } from "../network/nic.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** The network of one VM. */
export class VmNetwork {
  readonly #ports: VmPorts;
  readonly #id: VmId;

  constructor(ports: VmPorts, id: VmId) {
    this.#ports = ports;
    this.#id = id;
  }

  /**
   * Replaces what the guest may connect to; when this resolves it holds, for connections that are open too.
   *
   * @throws {BandSoxError} `invalid_argument`, `vm_not_found`, `network_missing`, `network_failed`
   */
  async setEgress(egress: EgressInput, options: { signal?: AbortSignal } = {}): Promise<void> {
    const wanted = parseInput(Egress, egress, "egress");
    const { operations, records, networks, paths } = this.#ports;
    await operations.run(options.signal, async (signal) => {
      using _lock = await lockVm(this.#ports, this.#id, signal);
      const record = records.find(this.#id);
      if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${this.#id}`, { vmId: this.#id });
      const network = networkOf(record.spec.networking);
      if (!network || network.mode === "user") throw missing(this.#id);
      const changed = { ...network, egress: wanted };
      records.setNetworking(this.#id, changed); // a VM that stops meanwhile has it when it starts again
      const change = await networks.change(this.#id, changed);
      if (change) await changePolicy(vmPaths(paths, this.#id).networkSocket, change);
    });
  }

  /** What was decided about the guest's connections and questions, the oldest that is kept first. */
  async decisions(options: { signal?: AbortSignal } = {}): Promise<NetworkDecision[]> {
    return this.#ports.operations.run(options.signal, (signal) =>
      Array.fromAsync(readDecisions(this.#log, { signal })),
    );
  }

  /** What was decided and goes on to be, until `signal` fires or the VM is deleted. */
  async *watch(options: { signal?: AbortSignal } = {}): AsyncGenerator<NetworkDecision, void, undefined> {
    using attached = this.#ports.operations.attach(options.signal);
    yield* readDecisions(this.#log, { follow: true, signal: attached.signal });
  }

  get #log(): string {
    return vmPaths(this.#ports.paths, this.#id).networkLog;
  }
}

function missing(vmId: VmId): BandSoxError {
  return new BandSoxError("network_missing", `${vmId} has no network with a policy`, { vmId });
}
