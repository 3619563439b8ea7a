import { GuestProcess, GuestStats, OomKill, parseInput } from "@bandsox/contract";
import { z } from "zod";
import { callForText, callGuest } from "../guest/call.ts";
import { pingGuest } from "../guest/ping-guest.ts";
import type { PingLines } from "../guest/ping-lines.ts";
import { printable } from "../host/printable.ts";
import type { VmGuest } from "./vm-guest.ts";

const KERNEL_LOG_DEFAULT_BYTES = 65_536;
const KERNEL_LOG_MAX_BYTES = 4 * 1024 * 1024;
const PROCESSES_DEFAULT = 20;
const PROCESSES_MAX = 1000;
const OOM_KILLS_MAX = 64;

const Processes = z.object({ processes: z.array(GuestProcess) });
const Kills = z.object({ kills: z.array(OomKill).max(OOM_KILLS_MAX) });

interface Cancellable {
  signal?: AbortSignal;
}

/** The time of one round trip to the agent in the guest, in ms. */
export async function guestPing(
  guest: VmGuest,
  { lines, signal }: Cancellable & { lines: PingLines },
): Promise<number> {
  return guest.call(signal, (endpoint, either) => pingGuest(lines, endpoint, either));
}

/** How the guest is doing, as it says itself. */
export async function guestStats(guest: VmGuest, { signal }: Cancellable = {}): Promise<GuestStats> {
  return guest.call(signal, (endpoint, either) =>
    callGuest(endpoint, { method: "GET", path: "/v1/stats", signal: either }, GuestStats),
  );
}

/** The guest's processes, those with the most memory first. */
export async function guestProcesses(
  guest: VmGuest,
  { limit = PROCESSES_DEFAULT, signal }: Cancellable & { limit?: number } = {},
): Promise<GuestProcess[]> {
  const count = parseInput(z.int().min(1).max(PROCESSES_MAX), limit, "limit");
  const path = `/v1/processes?limit=${count}`;
  const answer = await guest.call(signal, (endpoint, either) =>
    callGuest(endpoint, { method: "GET", path, signal: either }, Processes),
  );
  return answer.processes.slice(0, count);
}

/** The newest bytes of the guest kernel's log, without control characters. */
export async function guestKernelLog(
  guest: VmGuest,
  { bytes = KERNEL_LOG_DEFAULT_BYTES, signal }: Cancellable & { bytes?: number } = {},
): Promise<string> {
  const maxBytes = parseInput(z.int().min(1).max(KERNEL_LOG_MAX_BYTES), bytes, "bytes");
  const path = `/v1/kernel-log?bytes=${maxBytes}`;
  const text = await guest.call(signal, (endpoint, either) =>
    callForText(endpoint, { method: "GET", path, maxBytes, signal: either }),
  );
  return printable(text);
}

/** The processes the guest's kernel killed because memory ran out; the newest 64. */
export async function guestOomKills(guest: VmGuest, { signal }: Cancellable = {}): Promise<OomKill[]> {
  const answer = await guest.call(signal, (endpoint, either) =>
    callGuest(endpoint, { method: "GET", path: "/v1/oom", signal: either }, Kills),
  );
  return answer.kills;
}
