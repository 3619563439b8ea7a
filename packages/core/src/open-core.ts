import { writeFile } from "node:fs/promises";
import { ID_ALPHABET, PoolId, SnapshotId, VmId } from "@bandsox/contract";
import { customAlphabet } from "nanoid";
import { OpenHandles } from "./base/open-handles.ts";
import { Operations } from "./base/operations.ts";
import { type Core, coreOf } from "./core.ts";
import { LayerDisks } from "./disk/layer-disk.ts";
import { type EngineSettings, openEngines } from "./engine/engines.ts";
import { Launcher } from "./engine/launcher.ts";
import { GuestConnections } from "./guest/guest-connections.ts";
import { PingLines } from "./guest/ping-lines.ts";
import { hostMoment } from "./host/moment.ts";
import { helperPaths, storagePaths, vmPaths } from "./host/paths.ts";
import { openImages } from "./image/open-images.ts";
import { type NetworkOptions, openNetworks } from "./network/open-networks.ts";
import { poolImagePins } from "./pool/image-pins.ts";
import { refillPool } from "./pool/refill-pool.ts";
import { readBootFiles } from "./setup/boot-files.ts";
import { snapshotArchives } from "./snapshot/archive/helper-archives.ts";
import { helperDifferences } from "./snapshot/differences.ts";
import { snapshotImagePins } from "./snapshot/image-pins.ts";
import { openDatabase } from "./store/database.ts";
import { EventLog } from "./store/event-log.ts";
import { Leases } from "./store/leases.ts";
import { Ledger } from "./store/ledger.ts";
import { settlePlace } from "./store/place.ts";
import { PoolRecords } from "./store/pool-records.ts";
import { SnapshotRecords } from "./store/snapshot-records.ts";
import { Staging } from "./store/staging.ts";
import { VmEnds } from "./store/vm-ends.ts";
import { VmRecords } from "./store/vm-records.ts";
import { vmImagePins } from "./vm/image-pins.ts";
import { privateMembers } from "./vm/private-members.ts";
import { reconcile } from "./vm/reconcile.ts";
import type { VmPorts } from "./vm/vm-ports.ts";

export interface CoreOptions extends EngineSettings {
  readonly storageDir: string;
  /** Where the Go helpers are */
  readonly binDir: string;
  /** Told what was recovered from or put off (default: Node's process warnings) */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Has a pool filled again that a VM was taken from (default: this process does, while the storage is open) */
  readonly onPoolTaken?: ((pool: string) => void) | undefined;
  /** Whether what dead processes left is settled at once (default: `true`) */
  readonly settle?: boolean | undefined;
  readonly network?: NetworkOptions | undefined;
}

const idOf = customAlphabet(ID_ALPHABET, 12);

/**
 * Opens a storage: builds the adapters, brings database and host in line, and returns the handle.
 *
 * @throws {BandSoxError} `storage_unavailable`, `storage_too_new`, `disk_full`
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const paths = storagePaths(options.storageDir);
  await using resources = new AsyncDisposableStack();
  const database = resources.adopt(await openDatabase(paths.database), (opened) => opened.close());
  settlePlace(database, paths.root);
  await writeFile(paths.vmSignal, "", { mode: 0o600 }); // supervisors touch it, and never make it
  const helpers = helperPaths(options.binDir);
  const launcher = resources.use(new Launcher(helpers.supervise)); // let go of after operations end
  const handles = resources.use(new OpenHandles()); // let go of before the database closes, after operations end
  const connections = resources.use(new GuestConnections()); // let go of after operations end
  const pings = resources.use(new PingLines());
  const operations = resources.use(new Operations(paths.root));
  const leases = new Leases(database, paths.database);
  const ledger = new Ledger(database);
  const staging = new Staging(paths.stagingDir, ledger);
  const now = () => new Date();
  const warn = options.onWarning ?? ((message: string) => process.emitWarning(message, "BandSoxWarning"));
  const events = new EventLog(database, { signalFile: paths.eventSignal, now, warn });
  resources.defer(() => events.flush());
  const records = new VmRecords(database, events);
  const snapshotRecords = new SnapshotRecords(database, events);
  const pools = new PoolRecords(database);
  const images = openImages({
    ...{ database, leases, paths, staging, operations, helperPath: helpers.image, platform: platform() },
    pins: () => [...vmImagePins(records), ...snapshotImagePins(snapshotRecords), ...poolImagePins(pools)],
    now,
  });
  const ports: VmPorts = {
    ...{
      paths,
      operations,
      ledger,
      leases,
      staging,
      records,
      events,
      connections,
      pings,
      images: images.store,
    },
    snapshots: snapshotRecords,
    ends: new VmEnds(database),
    archives: snapshotArchives({ paths, staging, helperPath: helpers.snapshot }),
    differences: helperDifferences(helpers.snapshot),
    layerDisks: new LayerDisks({ paths, leases, staging }),
    networks: openNetworks({
      ...{ database, leases, operations, warn, helpers },
      root: paths.root,
      options: options.network,
      members: () => privateMembers(records),
      vmDir: (id) => vmPaths(paths, id).dir,
    }),
    ...openEngines({ settings: options, launcher, installDir: paths.firecrackerDir, warn }),
    bootFiles: () => readBootFiles(options.storageDir),
    warn,
    pools,
    refill: (id) => (options.onPoolTaken ? options.onPoolTaken(id) : refillPool(ports, id)),
    newPoolId: () => PoolId.parse(`pool_${idOf()}`),
    newSnapshotId: () => SnapshotId.parse(`snap_${idOf()}`),
    newId: () => VmId.parse(`vm_${idOf()}`),
    now,
    moment: hostMoment,
  };
  if (options.settle ?? true) await operations.run(undefined, (signal) => reconcile(ports, signal));
  return coreOf(ports, { images, handles, resources: resources.move() });
}

/** The OCI platform of this host. */
function platform(): string {
  return process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
}
