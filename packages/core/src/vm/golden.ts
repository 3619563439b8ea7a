import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, isBandSoxError, VmId } from "@bandsox/contract";
import { BASE_APPARENT_BYTES, LAYER_APPARENT_BYTES } from "../disk/apparent-size.ts";
import type { Engine, MachineSpec, SavedMachine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { type VmPaths, vmmPaths } from "../host/paths.ts";
import { processOwner } from "../store/ledger.ts";
import { discardGolden, findGolden, type GoldenPorts, goldenFiles, publishGolden } from "./golden-store.ts";
import { pruneGoldens } from "./prune-goldens.ts";

/** No VM has this id; it names the machine a golden is taken of in logs and errors. */
export const GOLDEN_ID = VmId.parse("vm_golden000000");

/** The machine a golden is of: everything but its disks. */
export type GoldenShape = Pick<MachineSpec, "vcpu" | "memMib" | "vmlinuxPath" | "initramfsPath" | "nic">;

/**
 * The saved machine from which VMs of a shape are started: booted, its agent up, no disk mounted yet. Taken once for
 * all processes; a golden is found by its shape, so another kernel, agent or engine gets another one, and those that
 * were of the one before go.
 *
 * @throws {BandSoxError} what booting or saving a machine throws
 */
export async function ensureGolden(
  ports: GoldenPorts,
  engine: Engine,
  shape: GoldenShape,
  signal?: AbortSignal,
): Promise<SavedMachine> {
  const key = shapeKey(engine, shape);
  const found = await findGolden(ports, key);
  if (found) return found;
  using _lease = await ports.leases.acquire(`golden:${key}`, signal);
  return (await findGolden(ports, key)) ?? (await takeGolden(ports, engine, { key, shape, signal }));
}

/** Names a machine by everything a save of it depends on. */
export function shapeKey(engine: Engine, shape: GoldenShape): string {
  return engine.shape({ ...shape, memoryFile: "" });
}

/** Makes a golden that machines cannot go on from unfindable. */
export async function discardShape(ports: GoldenPorts, engine: Engine, shape: GoldenShape): Promise<void> {
  await discardGolden(ports, shapeKey(engine, shape));
}

async function takeGolden(
  ports: GoldenPorts,
  engine: Engine,
  { key, shape, signal }: { key: string; shape: GoldenShape; signal: AbortSignal | undefined },
): Promise<SavedMachine> {
  await using work = await ports.staging.open();
  const paths = vmmPaths(join(work.dir, "vmm"));
  const result = goldenFiles(join(work.dir, "golden"));
  await mkdir(paths.dir, { mode: 0o700 });
  await mkdir(result.dir, { mode: 0o700 });
  const machine = { ...shape, memoryFile: paths.memory, ...(await placeholderDisks(work.dir)) };
  await makeMemoryFile(paths.memory, shape.memMib);
  await withMachine(ports, { engine, paths }, async () => {
    await engine.boot({ vmId: GOLDEN_ID, paths, machine, signal });
    await awaitIdle(paths.agentSocket, signal);
    await engine.save(paths, { memory: result.memory, state: result.state });
  });
  signal?.throwIfAborted();
  const { vcpu, memMib } = shape;
  const manifest = { format: 1, engine: engine.name, shape: key, vcpu, memMib } as const;
  const saved = await publishGolden(ports, { key, from: result.dir, manifest });
  await pruneGoldens(ports);
  return saved;
}

/**
 * Does something with a machine of a golden's, and ends it. One that does not end hides neither the golden nor why there
 * is none; its entry stays for the next reconcile.
 */
export async function withMachine(
  ports: GoldenPorts,
  { engine, paths }: { engine: Engine; paths: VmPaths },
  work: () => Promise<void>,
): Promise<void> {
  const resource = { kind: "supervisor", locator: paths.supervisor } as const;
  ports.ledger.record({ ...resource, owner: processOwner() });
  try {
    await work();
  } finally {
    try {
      await engine.terminate(paths);
      ports.ledger.strike(resource);
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      ports.warn(`the machine a golden was taken of still runs: ${why}`);
    }
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

/** Two calls through the whole channel: what they made the guest do for the first time, clones have done. */
async function awaitIdle(socketPath: string, signal?: AbortSignal): Promise<void> {
  await using guest = new GuestClient({ vmId: GOLDEN_ID, socketPath });
  const hello = await guest.hello(signal);
  if (hello.machine !== "bare") {
    const message = `cannot take a golden: its agent says its machine is ${hello.machine}`;
    throw new BandSoxError("guest_protocol", message, { vmId: GOLDEN_ID });
  }
  // Its kernel loads modules when they are needed first. An agent from before that has loaded them all.
  await guest.settle(signal).catch((error: unknown) => {
    if (!isBandSoxError(error, "guest_outdated")) throw error;
  });
}
