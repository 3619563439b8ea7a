import type { LimitsPatch, NetworkSpecInput } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/api";
import type { Identity } from "../auth/auth-store.ts";
import type { Call } from "../route.ts";
import { given } from "./given.ts";
import { assertNetwork } from "./network-handlers.ts";

type CloneBody = Omit<NonNullable<Call<"POST /api/vms/:id/fork">["body"]>, "count">;

/**
 * How a clone differs from what was saved, as the library takes it. A network that is only switched on is the saved
 * one: earlier clients always switch it on.
 *
 * @throws {BandSoxError} `scope_missing`
 */
export function cloneOptions(body: Partial<CloneBody>, identity: Identity | null) {
  const { enable_networking: network, env_vars: env, metadata, ...limits } = body;
  const networking = typeof network === "object" ? fromWire<NetworkSpecInput>(network as never) : network;
  if (typeof networking === "object") assertNetwork(networking, identity);
  return given({
    ...fromWire<LimitsPatch>(limits),
    networking: networking === true ? undefined : networking,
    env,
    metadata,
  });
}
