import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { VmId } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { vmmPaths } from "../host/paths.ts";
import type { ImageConfig } from "../image/image-config.ts";
import { guestNetwork } from "../network/guest-network.ts";
import { baseIdentity } from "./base-identity.ts";
import { becomeClone, enterMachine, type GuestIdentity } from "./enter-machine.ts";
import { ensureGolden, GOLDEN_ID, type GoldenShape, shapeKey, withMachine } from "./golden.ts";
import {
  findGolden,
  type GoldenPorts,
  goldenFiles,
  publishGolden,
  type SavedGolden,
} from "./golden-store.ts";
import { pruneGoldens } from "./prune-goldens.ts";
import type { VmPorts } from "./vm-ports.ts";
import { warmUp } from "./warm-up.ts";

export type ImageGoldenPorts = GoldenPorts & Pick<VmPorts, "layerDisks">;

/** What VMs that share a golden of an image have in common. */
export interface ImageGoldenParts {
  readonly engine: Engine;
  readonly shape: GoldenShape;
  readonly imageConfig: ImageConfig;
  readonly baseDisk: string;
  readonly diskSizeMib: number;
}

/**
 * The saved machine from which VMs of an image are created: its disks mounted, its root entered, a first command run
 * by its shell, and nothing of any VM in it. Taken once for all processes, from the golden of the shape.
 *
 * @throws {BandSoxError} what starting or saving a machine throws
 */
export async function ensureImageGolden(
  ports: ImageGoldenPorts,
  parts: ImageGoldenParts,
  signal?: AbortSignal,
): Promise<SavedGolden> {
  const key = await imageGoldenKey(parts);
  const found = await findGolden(ports, key);
  if (found) return found;
  using _lease = await ports.leases.acquire(`golden:${key}`, signal);
  return (await findGolden(ports, key)) ?? (await takeImageGolden(ports, parts, { key, signal }));
}

/** Names what a golden of an image depends on: the machine, the very base disk it has mounted, and its own disk. */
export async function imageGoldenKey(parts: ImageGoldenParts): Promise<string> {
  const { engine, shape, imageConfig, baseDisk, diskSizeMib } = parts;
  const { workingDir, user } = imageConfig;
  const content = [shapeKey(engine, shape), await baseIdentity(baseDisk), diskSizeMib, workingDir, user];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 32);
}

async function takeImageGolden(
  ports: ImageGoldenPorts,
  { engine, shape, imageConfig, baseDisk, diskSizeMib }: ImageGoldenParts,
  { key, signal }: { key: string; signal: AbortSignal | undefined },
): Promise<SavedGolden> {
  const from = await ensureGolden(ports, engine, shape, signal);
  await using work = await ports.staging.open();
  const paths = vmmPaths(join(work.dir, "vmm"));
  const result = goldenFiles(join(work.dir, "golden"));
  await mkdir(paths.dir, { mode: 0o700 });
  await mkdir(result.dir, { mode: 0o700 });
  await ports.layerDisks.create(paths.layerDisk, diskSizeMib, signal);
  const machine = { ...shape, memoryFile: from.memory, baseDisk, layerDisk: paths.layerDisk };
  await withMachine(ports, { engine, paths }, async () => {
    const { devices } = await engine.boot({ vmId: GOLDEN_ID, paths, machine, from, signal });
    const { agentSocket } = paths;
    // Whatever a VM is told, commands and secrets above all, must not be in the memory of the next.
    const identity = {
      record: { id: GOLDEN_ID, name: "golden", spec: { env: {} } },
      imageConfig,
      agentSocket,
    };
    const network = shape.nic && guestNetwork(shape.nic.backend.kind);
    await enterMachine(identity, { ...devices, network }, signal);
    await rehearse({ id: GOLDEN_ID, agentSocket }, identity, signal);
    await engine.save(paths, result);
  });
  signal?.throwIfAborted();
  const { vcpu, memMib } = shape;
  const base = { path: baseDisk, identity: (await baseIdentity(baseDisk)) ?? "" };
  const about = { engine: engine.name, shape: shapeKey(engine, shape), vcpu, memMib, base };
  const manifest = { format: 1, ...about } as const;
  const saved = await publishGolden(ports, { key, from: result.dir, manifest });
  await pruneGoldens(ports);
  return saved;
}

/** What the guest has done for the first time, its clones have done; and what goes on in its background has ended. */
async function rehearse(
  { id, agentSocket }: { id: VmId; agentSocket: string },
  identity: GuestIdentity,
  signal?: AbortSignal,
): Promise<void> {
  const { entrypoint, cmd } = identity.imageConfig;
  await warmUp({ id, agentSocket }, [...entrypoint, ...cmd][0], signal);
  await becomeClone(identity, signal);
  await using guest = new GuestClient({ vmId: id, socketPath: agentSocket });
  await guest.settle(signal);
}
