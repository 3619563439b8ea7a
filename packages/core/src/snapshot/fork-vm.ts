import { join } from "node:path";
import { isAnyBandSoxError, parseInput, RestoreSpec, type VmId } from "@bandsox/contract";
import { z } from "zod";
import { snapshotPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { lockVm, type VmPorts } from "../vm/vm-ports.ts";
import { makeClone } from "./restore-snapshot.ts";
import { saveable, saveMachine } from "./save-machine.ts";

const FORK_MAX = 64;
/** Machines that come up at the same time; more of them only wait for each other's processors */
const AT_ONCE = 4;

const ForkSpec = RestoreSpec.omit({ name: true }).extend({
  /** How many VMs to make (default: `1`, at most `64`) */
  count: z
    .int("count is a whole number")
    .min(1, "count is at least 1")
    .max(FORK_MAX, `count is at most ${FORK_MAX}`)
    .default(1),
});

export type ForkOptions = z.input<typeof ForkSpec> & { readonly signal?: AbortSignal | undefined };

/** What came of one child. */
export type ForkResult<T> = { readonly vm: T } | { readonly error: Error };

/**
 * Makes VMs that go on where a running or paused one is now. It stands still once, however many there are, and goes on;
 * each child comes up or fails by itself.
 *
 * @throws {BandSoxError} `invalid_argument`, `vm_not_found`, `vm_wrong_state`, `snapshots_unavailable`,
 *   `vm_control_failed`, `disk_full`, `interrupted`
 */
export async function forkVm(
  ports: VmPorts,
  vmId: VmId,
  { signal, ...input }: ForkOptions = {},
): Promise<ForkResult<VmRecord>[]> {
  const { count, ...wanted } = parseInput(ForkSpec, input, "fork");
  await using work = await ports.staging.open();
  const files = snapshotPaths(join(work.dir, "fork"));
  const manifest = await saveSource(ports, vmId, { files, signal });
  // The children's memory is a mapping of a file that loses its name when the last of them is up; it goes with them.
  const make = async (): Promise<ForkResult<VmRecord>> => {
    try {
      const options = { ...wanted, signal };
      return { vm: await makeClone(ports, { manifest, files }, { options, known: {} }) };
    } catch (error) {
      if (isAnyBandSoxError(error)) return { error };
      throw error;
    }
  };
  const results: ForkResult<VmRecord>[] = [];
  while (results.length < count) {
    const some = Math.min(AT_ONCE, count - results.length);
    // Also when one fails as none should, the others have ended before their files go.
    const ended = await Promise.allSettled(Array.from({ length: some }, make));
    for (const one of ended) {
      if (one.status === "rejected") throw one.reason;
      results.push(one.value);
    }
  }
  const children = results.flatMap((one) => ("vm" in one ? [one.vm.id] : []));
  ports.events.append({ type: "vm.forked", vmId, details: { children } });
  return results;
}

async function saveSource(
  ports: VmPorts,
  vmId: VmId,
  { files, signal }: { files: ReturnType<typeof snapshotPaths>; signal: AbortSignal | undefined },
) {
  using _lock = await lockVm(ports, vmId, signal);
  const source = saveable(ports, vmId, "fork");
  return await saveMachine(ports, source, { id: ports.newSnapshotId(), into: files });
}
