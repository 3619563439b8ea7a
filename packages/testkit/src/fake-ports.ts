import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BandSoxError, PoolId, SnapshotId, VmId } from "@bandsox/contract";
import {
  EventLog,
  GuestConnections,
  hostMoment,
  Leases,
  Ledger,
  Operations,
  openDatabase,
  PingLines,
  PoolRecords,
  SnapshotRecords,
  Staging,
  storagePaths,
  VmEnds,
  type VmPorts,
  VmRecords,
} from "@bandsox/core/ports";
import { fakeArchives } from "./fake-archives.ts";
import { fakeDifferences } from "./fake-differences.ts";
import type { FakeEngine } from "./fake-engine.ts";
import { fakeNetworks } from "./fake-networks.ts";

/** What a hermetic test of VMs works with: a real database in a temporary storage, and nothing else real. */
export type FakePorts = VmPorts &
  AsyncDisposable & {
    readonly removedImages: Set<string>;
    readonly warnings: string[];
    /** Has nothing more reach the database, as if this process had died */
    kill(): void;
    readonly refilled: string[];
  };

export const FAKE_DIGEST = `sha256:${"0".repeat(64)}`;

/** Several of them may be over one storage */
let made = 0;

/** Ports over a real database and a fake world. */
export async function fakePorts(storageDir: string, engine: FakeEngine): Promise<FakePorts> {
  const paths = storagePaths(storageDir);
  const database = await openDatabase(paths.database);
  const events = new EventLog(database, {
    signalFile: paths.eventSignal,
    now: () => new Date(),
    warn: (message) => void warnings.push(message),
  });
  const ledger = new Ledger(database);
  const removedImages = new Set<string>();
  const warnings: string[] = [];
  const refilled: string[] = [];
  const operations = new Operations(paths.root);
  const connections = new GuestConnections();
  const pings = new PingLines();

  return {
    networks: fakeNetworks(),
    ...{ paths, operations, connections, pings, removedImages, warnings },
    warn: (message) => void warnings.push(message),
    kill: () => database.close(),
    events,
    records: new VmRecords(database, events),
    ends: new VmEnds(database),
    pools: new PoolRecords(database),
    refill: (id) => void refilled.push(id),
    refilled,
    newPoolId: () => PoolId.parse(`pool_${`${process.pid}x${made++}`.padStart(12, "0").slice(-12)}`),
    snapshots: new SnapshotRecords(database, events),
    ledger,
    leases: new Leases(database, paths.database),
    staging: new Staging(paths.stagingDir, ledger),
    images: {
      resolve: async (image) => {
        if (!removedImages.has(image)) return { digest: FAKE_DIGEST, config: CONFIG, sizeBytes: 1 };
        throw new BandSoxError("image_not_found", `no image ${image}`, { reference: image });
      },
      ensureBaseDisk: async () => "/dev/null",
      adoptBaseDisk: async (_image, { settled }) => settled(),
    },
    archives: fakeArchives(),
    differences: fakeDifferences(),
    layerDisks: {
      create: async (destination) => {
        await mkdir(dirname(destination), { recursive: true });
        await writeFile(destination, "");
      },
    },
    defaultEngine: () => engine,
    engine: () => engine,
    bootFiles: async () => ({ vmlinuxPath: "/dev/null", initramfsPath: "/dev/null" }),
    newSnapshotId: () => SnapshotId.parse(`snap_${`${process.pid}x${made++}`.padStart(12, "0").slice(-12)}`),
    newId: () => VmId.parse(`vm_${`${process.pid}x${made++}`.padStart(12, "0").slice(-12)}`),
    now: () => new Date(),
    moment: hostMoment,
    [Symbol.asyncDispose]: async () => {
      await operations[Symbol.asyncDispose]();
      pings[Symbol.dispose]();
      await connections[Symbol.asyncDispose]();
      events.flush();
      if (database.isOpen) database.close();
    },
  };
}

const CONFIG = {
  env: ["FROM_IMAGE=1", "BOTH=image"],
  workingDir: "/srv",
  user: "",
  entrypoint: [],
  cmd: ["true"],
};
