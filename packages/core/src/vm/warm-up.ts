import { isAnyBandSoxError, type VmId } from "@bandsox/contract";
import { GuestClient } from "../guest/guest-client.ts";

/** How much of a file is read: all of what most programs are, and bounded. */
const FILE_MAX_BYTES = 32 * 1024 * 1024;

/**
 * Reads the files the shell itself is made of, its libraries among them, and the program in `$1`. Every command of a
 * shell is the same file in many images, and few programs do without the C library.
 */
const SCRIPT = `{
  while read -r _ _ _ _ _ file; do
    case $file in "$last") ;; /*) head -c ${FILE_MAX_BYTES} "$file"; last=$file ;; esac
  done </proc/self/maps
  head -c ${FILE_MAX_BYTES} "$(command -v "$1")"
} >/dev/null 2>&1; :`;

/**
 * Goes the way of a first command before there is one: what that takes of the guest's disks is in its memory then, and
 * in a machine that goes on itself, the guest's code translated. An image that has no shell is none the worse.
 *
 * @param program what the image runs, a path or a name; it is read, not run
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function warmUp(
  vm: { id: VmId; agentSocket: string },
  program = "sh",
  signal?: AbortSignal,
): Promise<void> {
  await using guest = new GuestClient({ vmId: vm.id, socketPath: vm.agentSocket });
  const argv = ["/bin/sh", "-c", SCRIPT, "sh", isName(program) ? program : "sh"];
  try {
    for await (const _ of guest.exec({ argv, timeoutMs: WARM_UP_MAX_MS }, signal));
  } catch (error) {
    if (!isAnyBandSoxError(error) || !error.code.startsWith("exec_")) throw error;
  }
}

/** An image's configuration may say anything. */
function isName(program: string): boolean {
  return program.length <= 4096 && !program.includes("\0");
}

/** A shell of a hostile image may do anything, but not keep a golden or a pool from being filled. */
const WARM_UP_MAX_MS = 10_000;
