import { existsSync } from "node:fs";
import { BandSoxError, type VmId } from "@bandsox/contract";
import type { GuestEndpoint } from "../guest/guest-connections.ts";
import { type VmPaths, vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { resumeVm } from "./pause-vm.ts";
import { settle } from "./reconcile.ts";
import type { VmPorts } from "./vm-ports.ts";

type SocketOf = (paths: VmPaths) => string;

const agentOf: SocketOf = ({ agentSocket }) => agentSocket;
const observerOf: SocketOf = ({ observerSocket, agentSocket }) =>
  existsSync(observerSocket) ? observerSocket : agentSocket;

/** Where a VM's agent is reached by who uses the VM. @throws {BandSoxError} `vm_not_found`, `vm_wrong_state` */
export async function agentEndpoint(ports: VmPorts, id: VmId): Promise<GuestEndpoint> {
  const standing = standingEndpoint(ports, id, agentOf);
  if (standing) return standing;
  const found = await settledRecord(ports, id);
  // What was paused because nobody used it goes on for whoever does.
  if (found.state === "paused" && found.pausedBy === "idle") await resumeVm(ports, id);
  return reach(ports, id, agentOf);
}

/** Where it is reached by who only looks, which does not count as use. @throws {BandSoxError} as `agentEndpoint` */
export async function observerEndpoint(ports: VmPorts, id: VmId): Promise<GuestEndpoint> {
  return standingEndpoint(ports, id, observerOf) ?? reach(ports, id, observerOf);
}

/** A VM's row, true. @throws {BandSoxError} `vm_not_found` */
export async function settledRecord(ports: VmPorts, id: VmId): Promise<VmRecord> {
  const record = ports.records.find(id);
  const settled = record && (await settle(ports, record));
  if (settled) return settled;
  throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
}

/**
 * The guest, if a connection to it stands: that tells that the VMM lives, and so that the row is true, unless a limit
 * was enforced that is not in it yet.
 */
function standingEndpoint(ports: VmPorts, id: VmId, socketOf: SocketOf): GuestEndpoint | undefined {
  const { connections, pings, records } = ports;
  const paths = vmPaths(ports.paths, id);
  const endpoint = { vmId: id, socketPath: socketOf(paths), connections };
  const stands = connections.isConnected(endpoint) || pings.isConnected(endpoint.socketPath);
  return stands && !existsSync(paths.enforced) && records.runsUnlimited(id) ? endpoint : undefined;
}

async function reach(ports: VmPorts, id: VmId, socketOf: SocketOf): Promise<GuestEndpoint> {
  const { state } = await settledRecord(ports, id);
  const { connections, ends, paths } = ports;
  if (state === "running") return { vmId: id, socketPath: socketOf(vmPaths(paths, id)), connections };
  const end = ends.summary(id);
  const why = end && (state === "stopped" || state === "failed") ? `: ${end.summary}` : "";
  const message = `cannot talk to ${id}: it is ${state}, not running${why}`;
  throw new BandSoxError("vm_wrong_state", message, { vmId: id, state, wanted: ["running"] });
}
