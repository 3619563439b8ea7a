import { isAnyBandSoxError, type VmId } from "@bandsox/contract";
import { GuestClient } from "../guest/guest-client.ts";

/** What nearly every image has. */
const COMMAND = ["/bin/sh", "-c", ":"] as const;

/**
 * Goes the way of a first command before there is one: the pages that takes are read from the golden, and an emulator
 * has translated the guest's code. An image that has no shell is none the worse.
 *
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function warmUp(vm: { id: VmId; agentSocket: string }, signal?: AbortSignal): Promise<void> {
  await using guest = new GuestClient({ vmId: vm.id, socketPath: vm.agentSocket });
  try {
    for await (const _ of guest.exec({ argv: [...COMMAND], timeoutMs: WARM_UP_MAX_MS }, signal));
  } catch (error) {
    if (!isAnyBandSoxError(error) || !error.code.startsWith("exec_")) throw error;
  }
}

/** A shell of a hostile image may do anything, but not keep a golden or a pool from being filled. */
const WARM_UP_MAX_MS = 10_000;
