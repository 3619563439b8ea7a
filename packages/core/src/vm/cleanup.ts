import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BandSoxError, type CleanupReport, type Leftover, VmId } from "@bandsox/contract";
import { terminateSupervisor } from "../engine/supervisor.ts";
import { vmmPaths } from "../host/paths.ts";
import { isAlive } from "../host/process-identity.ts";
import { removeTree } from "../host/remove-tree.ts";
import { ownerProcess, type Resource } from "../store/ledger.ts";
import { needsLook, reconcile } from "./reconcile.ts";
import { type VmPorts, vmKey } from "./vm-ports.ts";

export interface CleanupOptions {
  /** Only says what would be done (default: `false`) */
  readonly dryRun?: boolean | undefined;
  /** Removes also what is in the storage's own directories and in none of its lists (default: `false`) */
  readonly strays?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Settles what dead processes left: VMs whose row is not true, and everything of theirs on this host. What a living
 * process is at work on is left to it.
 *
 * @throws {BandSoxError} `interrupted`
 */
export async function cleanup(ports: VmPorts, options: CleanupOptions = {}): Promise<CleanupReport> {
  const { dryRun = false, strays = false, signal } = options;
  const before = await leftovers(ports);
  if (dryRun) return report(before, before, dryRun);
  await reconcile(ports, signal);
  if (strays)
    for (const { kind, locator } of before) if (kind === "stray") await removeStray(locator, signal);
  const after = new Set((await leftovers(ports)).map(keyOf));
  const left = before.filter((one) => after.has(keyOf(one)));
  const done = report(before, left, dryRun);
  if (done.removed.length > 0)
    ports.events.append({ type: "storage.cleaned", details: { removed: done.counts } });
  return done;
}

function report(before: readonly Leftover[], left: readonly Leftover[], dryRun: boolean): CleanupReport {
  const remaining = new Set(left.map(keyOf));
  const removed = dryRun ? [] : before.filter((one) => !remaining.has(keyOf(one)));
  const counts: Record<string, number> = {};
  for (const { kind } of dryRun ? before : removed) counts[kind] = (counts[kind] ?? 0) + 1;
  return { dryRun, counts, removed: [...removed], left: [...left] };
}

function keyOf({ kind, locator }: Leftover): string {
  return `${kind}:${locator}`;
}

/** All that nobody looks after any more. Nothing is changed. */
async function leftovers(ports: VmPorts): Promise<Leftover[]> {
  const vms = ports.records
    .list()
    .filter((record) => needsLook(ports, record) && !ports.leases.holder(vmKey(record.id)))
    .map(
      ({ id, state }): Leftover => ({
        kind: "vm",
        locator: id,
        found: `it is ${state}, and that is not true`,
      }),
    );
  const resources = ports.ledger
    .list()
    .filter(isOrphan)
    .map(
      ({ kind, locator }): Leftover => ({
        kind: kind === "vm" ? "ephemeral vm" : kind,
        locator,
        found: "whoever made it is dead",
      }),
    );
  return [...vms, ...resources, ...(await strays(ports))];
}

function isOrphan(resource: Resource): boolean {
  const owner = ownerProcess(resource);
  return owner !== undefined && !isAlive(owner);
}

/** What is in directories in which everything is in a list first, and is in none. */
async function strays(ports: VmPorts): Promise<Leftover[]> {
  const { vmsDir, snapshotsDir, stagingDir } = ports.paths;
  const found: string[] = [];
  for (const dir of [vmsDir, snapshotsDir, stagingDir])
    for (const name of await namesIn(dir)) found.push(join(dir, name));
  // The lists are read after the directories: what is made meanwhile was in a list before it was there.
  const listed = new Set([
    ...ports.ledger.list().map(({ locator }) => locator),
    ...ports.records.list().map(({ id }) => join(vmsDir, id)),
    ...ports.snapshots.list().map(({ id }) => join(snapshotsDir, id)),
  ]);
  return found
    .filter((locator) => !listed.has(locator))
    .map((locator) => ({ kind: "stray", locator, found: "it is in none of the storage's lists" }));
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function removeStray(path: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw new BandSoxError("interrupted", `interrupted before removing ${path}`, {});
  if (VmId.safeParse(path.slice(dirname(path).length + 1)).success) await terminateSupervisor(vmmPaths(path));
  await removeTree(path);
}
