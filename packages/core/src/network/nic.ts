import { isDeepStrictEqual } from "node:util";
import { type Networking, NetworkSpec } from "@bandsox/contract";
import type { NicSpec } from "../engine/engine.ts";
import { INSIDE } from "./address-plan.ts";

/** The network a VM was made with. */
export function networkOf(networking: Networking | undefined): NetworkSpec | undefined {
  if (networking === undefined || networking === false) return undefined;
  return networking === true ? NetworkSpec.parse({}) : networking;
}

const ORDINARY = NetworkSpec.parse({});

/** Whether it is no network, or what a VM gets for which nothing is said. */
export function hasOrdinaryNetwork(networking: Networking | undefined): boolean {
  const network = networkOf(networking);
  return network === undefined || isDeepStrictEqual(network, ORDINARY);
}

/**
 * The network device of a machine that is to be saved, or compared with a saved one: what it is connected to is no
 * matter, the kind is. Absent where there is no network.
 */
export function shapeNic(networking: Networking | undefined): NicSpec | undefined {
  const network = networkOf(networking);
  if (!network) return undefined;
  return network.mode === "user" ? nicOf({ kind: "user" }) : nicOf({ kind: "tap", tap: INSIDE.tap });
}

/** The one network device of all guests, over a backend of its own. */
export function nicOf(backend: NicSpec["backend"]): NicSpec {
  return { mac: INSIDE.guestMac, backend };
}
