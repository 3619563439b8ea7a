import { mkdir, open, rename, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BandSoxError, VmId } from "@bandsox/contract";
import { BASE_APPARENT_BYTES, LAYER_APPARENT_BYTES } from "../disk/apparent-size.ts";
import type { Engine, MachineSpec, SavedMachine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { type VmPaths, vmmPaths } from "../host/paths.ts";
import { removeTree } from "../host/remove-tree.ts";
import { processOwner } from "../store/ledger.ts";
import type { VmPorts } from "./vm-ports.ts";

/** No VM has this id; it names the machine a golden is taken of in logs and errors. */
const GOLDEN_ID = VmId.parse("vm_golden000000");

/** Ports that making a golden needs. */
export type GoldenPorts = Pick<VmPorts, "paths" | "leases" | "ledger" | "staging" | "warn">;

/** The machine a golden is of: everything but its disks. */
export type GoldenShape = Pick<MachineSpec, "vcpu" | "memMib" | "vmlinuxPath" | "initramfsPath">;

/**
 * The saved machine from which VMs of a shape are created: booted, its agent up, no disk mounted yet. Taken once for
 * all processes; a golden is found by its shape, so another kernel, agent or engine gets another one.
 *
 * @throws {BandSoxError} what booting or saving a machine throws
 */
export async function ensureGolden(
  ports: GoldenPorts,
  engine: Engine,
  shape: GoldenShape,
  signal?: AbortSignal,
): Promise<SavedMachine> {
  const key = engine.shape({ ...shape, memoryFile: "" });
  const found = await findGolden(ports, key);
  if (found) return found;
  using _lease = await ports.leases.acquire(`golden:${key}`, signal);
  return (await findGolden(ports, key)) ?? (await takeGolden(ports, engine, { key, shape, signal }));
}

/** Makes a golden that machines cannot go on from unfindable; those that run from it keep their pages. */
export async function discardGolden(ports: GoldenPorts, engine: Engine, shape: GoldenShape): Promise<void> {
  const { dir } = goldenFiles(ports, engine.shape({ ...shape, memoryFile: "" }));
  await removeTree(dir);
}

async function findGolden(ports: GoldenPorts, key: string): Promise<SavedMachine | undefined> {
  const { saved } = goldenFiles(ports, key);
  const whole = await Promise.all([stat(saved.memory), stat(saved.state)]).catch(() => undefined);
  return whole && saved;
}

/** A golden's directory appears by one rename, so what is in it is whole. */
function goldenFiles({ paths }: GoldenPorts, key: string) {
  const dir = join(paths.goldensDir, key);
  return { dir, saved: savedIn(dir) };
}

function savedIn(dir: string): SavedMachine {
  return { memory: join(dir, "memory"), state: join(dir, "state") };
}

async function takeGolden(
  ports: GoldenPorts,
  engine: Engine,
  { key, shape, signal }: { key: string; shape: GoldenShape; signal: AbortSignal | undefined },
): Promise<SavedMachine> {
  await using work = await ports.staging.open();
  const paths = vmmPaths(join(work.dir, "vmm"));
  const result = join(work.dir, "golden");
  await mkdir(paths.dir, { mode: 0o700 });
  await mkdir(result, { mode: 0o700 });
  const machine = { ...shape, memoryFile: paths.memory, ...(await placeholderDisks(work.dir)) };
  await makeMemoryFile(paths.memory, shape.memMib);
  const resource = { kind: "supervisor", locator: paths.supervisor } as const;
  ports.ledger.record({ ...resource, owner: processOwner() });
  try {
    await engine.boot({ vmId: GOLDEN_ID, paths, machine, signal });
    await awaitIdle(paths.agentSocket, signal);
    await engine.save(paths, savedIn(result));
  } finally {
    await endMachine(ports, engine, paths);
  }
  signal?.throwIfAborted();
  const { dir, saved } = goldenFiles(ports, key);
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
  for (const file of Object.values(savedIn(result))) await sync(file);
  await removeTree(dir); // an unfinished one would have no place here, a removed one may
  await rename(result, dir);
  await sync(dirname(dir));
  return saved;
}

/** A machine that does not end hides neither the golden nor why there is none; its entry stays for the next reconcile. */
async function endMachine(ports: GoldenPorts, engine: Engine, paths: VmPaths): Promise<void> {
  try {
    await engine.terminate(paths);
    ports.ledger.strike({ kind: "supervisor", locator: paths.supervisor });
  } catch (error) {
    ports.warn(
      `the machine a golden was taken of still runs: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Disks have one apparent size by role, so a machine saved over these goes on over any others. */
async function placeholderDisks(dir: string): Promise<Pick<MachineSpec, "baseDisk" | "layerDisk">> {
  const disks = { baseDisk: join(dir, "base"), layerDisk: join(dir, "layer") };
  await writeFile(disks.baseDisk, "");
  await truncate(disks.baseDisk, BASE_APPARENT_BYTES);
  await writeFile(disks.layerDisk, "");
  await truncate(disks.layerDisk, LAYER_APPARENT_BYTES);
  return disks;
}

/** The zeros a booting guest's memory begins as. */
export async function makeMemoryFile(path: string, memMib: number): Promise<void> {
  await writeFile(path, "", { mode: 0o600 });
  await truncate(path, memMib * 1024 ** 2);
}

/** One call through the whole channel: what it made the guest do for the first time, clones have done. */
async function awaitIdle(socketPath: string, signal?: AbortSignal): Promise<void> {
  await using guest = new GuestClient({ vmId: GOLDEN_ID, socketPath });
  const hello = await guest.hello(signal);
  if (hello.machine !== "bare") {
    const message = `cannot take a golden: its agent says its machine is ${hello.machine}`;
    throw new BandSoxError("guest_protocol", message, { vmId: GOLDEN_ID });
  }
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
