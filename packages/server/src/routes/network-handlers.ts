import { BandSoxError, type EgressInput, type NetworkSpecInput } from "@bandsox/contract";
import { fromWire, type NETWORK_ROUTES, toWire, toWireVm } from "@bandsox/contract/api";
import type { Identity } from "../auth/auth-store.ts";
import { eventLine } from "../event-lines.ts";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";

const JSON_LINES = "application/x-ndjson";

/** The networks of VMs. */
export function networkHandlers({ bandsox }: Served): Handlers<keyof typeof NETWORK_ROUTES> {
  return {
    "GET /api/vms/:id/network/decisions": async ({ params, query, signal }) => {
      const { network } = await bandsox.getVm(params.id);
      const decisions = query.follow ? network.watch({ signal }) : await network.decisions({ signal });
      const line = eventLine(JSON_LINES);
      async function* lines() {
        try {
          for await (const decision of decisions) yield line(toWire(decision));
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      }
      return Streamed.live(JSON_LINES, lines());
    },
    "PUT /api/vms/:id/network/egress": async ({ params, body, signal, request }) => {
      const egress = fromWire<EgressInput>(body.egress as never);
      assertNetwork({ egress }, request.identity);
      const vm = await bandsox.getVm(params.id);
      await vm.network.setEgress(egress, { signal });
      return toWireVm(await vm.info());
    },
  };
}

const FOR_ANYBODY: readonly unknown[] = [undefined, "none", "public"];

/**
 * Rules of a network's own may lead to what is near this host, and published ports are this host's.
 *
 * @throws {BandSoxError} `scope_missing`
 */
export function assertNetwork(network: NetworkSpecInput, identity: Identity | null): void {
  const { egress, bandwidth: _, ...more } = network;
  if (identity?.scope === "admin") return;
  if (FOR_ANYBODY.includes(egress) && Object.keys(more).length === 0) return;
  const message = "cannot give a VM this network: rules, ports and modes need the scope admin";
  throw new BandSoxError("scope_missing", message, { wanted: "admin", scope: identity?.scope ?? "none" });
}
