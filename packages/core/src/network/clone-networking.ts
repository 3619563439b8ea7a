import { BandSoxError, type Networking, type NetworkSpec } from "@bandsox/contract";
import { whyNotInUserMode } from "./may-connect.ts";
import { networkOf } from "./nic.ts";

/**
 * The network of a VM that goes on from a save. Its machine has the network device the saved one had, or none; what that
 * may be used for can be another. Unless it is said, ports are published on any free one: the saved VM may have its own.
 *
 * @throws {BandSoxError} `networking_unavailable`
 */
export function cloneNetworking(
  saved: Networking | undefined,
  wanted: Networking | undefined,
): NetworkSpec | false {
  const [before, after] = [networkOf(saved), networkOf(wanted)];
  if (!before) {
    if (after) throw unavailable("the machine was saved without a network device");
    return false;
  }
  if (wanted === undefined) return { ...before, ports: before.ports.map((port) => ({ ...port, host: 0 })) };
  if (!after) {
    if (before.mode === "user") throw unavailable("a guest in user mode cannot be cut off");
    const { cni: _others, ...own } = before; // a network of its administrator's would let its neighbours in
    return { ...own, egress: "none", ports: [], networks: [] };
  }
  if (after.mode !== before.mode)
    throw unavailable(`the machine was saved with a network device of mode ${before.mode}`);
  const why = after.mode === "user" ? whyNotInUserMode(after) : undefined;
  if (why !== undefined) throw unavailable(why);
  return after;
}

function unavailable(reason: string): BandSoxError {
  const message = `cannot go on with this network: ${reason}`;
  return new BandSoxError("networking_unavailable", message, { reason });
}
