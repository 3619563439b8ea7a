import {
  BandSoxError,
  ID_ALPHABET,
  parseInput,
  VmId,
  type VmInfo,
  VmSpec,
  type VmSpecInput,
} from "@bandsox/contract";
import { customAlphabet } from "nanoid";
import { LayerDisks } from "./disk/layer-disk.ts";
import type { Engine } from "./engine/engine.ts";
import { findQemu } from "./engine/qemu/find-qemu.ts";
import { judgeKvm, kvmEvidence } from "./host/acceleration.ts";
import { helperPaths, storagePaths } from "./host/paths.ts";
import { buildDebianImage, type DebianRecipe } from "./image/debian-image.ts";
import { ImageStore } from "./image/image-store.ts";
import { readBootFiles } from "./setup/boot-files.ts";
import { openDatabase } from "./store/database.ts";
import { ImageRecords } from "./store/image-records.ts";
import { Leases } from "./store/leases.ts";
import { Ledger } from "./store/ledger.ts";
import { Staging } from "./store/staging.ts";
import { VmRecords } from "./store/vm-records.ts";
import { type CreateOptions, createVm } from "./vm/create-vm.ts";
import { findVm } from "./vm/find-vm.ts";
import { reconcile } from "./vm/reconcile.ts";
import { Vm } from "./vm/vm.ts";
import { toVmInfo } from "./vm/vm-info.ts";
import type { VmPorts } from "./vm/vm-ports.ts";

export interface CoreOptions {
  readonly storageDir: string;
  /** Where the Go helpers are */
  readonly binDir: string;
  /** Engine for new VMs (default: the best this host can run) */
  readonly engine?: string | undefined;
  /** `kvm` or `tcg` (default: KVM where it really works) */
  readonly acceleration?: "kvm" | "tcg" | undefined;
  /** How guests of the `qemu` engine are reached (default: `virtio-serial`) */
  readonly transport?: "virtio-serial" | "serial" | undefined;
}

/** An open storage. Any number of processes may have one open at the same time. */
export interface Core extends Disposable {
  createVm(input: VmSpecInput, options?: CreateOptions): Promise<Vm>;
  getVm(reference: string): Promise<Vm>;
  listVms(): Promise<VmInfo[]>;
  hasImage(image: string): boolean;
  imageCommand(vm: Vm): { entrypoint: readonly string[]; cmd: readonly string[] };
  buildDebianImage(recipe: DebianRecipe, signal?: AbortSignal): Promise<void>;
}

const idOf = customAlphabet(ID_ALPHABET, 12);

/** Opens a storage: builds the adapters, brings database and host in line, and returns the handle. */
export async function openCore(options: CoreOptions): Promise<Core> {
  const paths = storagePaths(options.storageDir);
  await using resources = new AsyncDisposableStack();
  const database = resources.adopt(openDatabase(paths.database), (opened) => opened.close());
  const leases = new Leases(database, paths.database);
  const ledger = new Ledger(database);
  const staging = new Staging(paths.stagingDir, ledger);
  const helpers = helperPaths(options.binDir);
  const images = new ImageStore({
    ...{ paths, leases, staging, helperPath: helpers.image, platform: platform() },
    records: new ImageRecords(database),
    now: () => new Date(),
  });
  const ports: VmPorts = {
    ...{ paths, ledger, leases, images },
    records: new VmRecords(database),
    layerDisks: new LayerDisks({ paths, leases, staging }),
    ...engines(options),
    bootFiles: () => readBootFiles(options.storageDir),
    newId: () => VmId.parse(`vm_${idOf()}`),
    now: () => new Date(),
  };
  await reconcile(ports);
  const opened = resources.move();
  return coreOf(ports, { images, staging, close: () => void opened.disposeAsync() });
}

interface CoreParts {
  readonly images: ImageStore;
  readonly staging: Staging;
  readonly close: () => void;
}

function coreOf(ports: VmPorts, { images, staging, close }: CoreParts): Core {
  return {
    async createVm(input, options) {
      const record = await createVm(ports, parseInput(VmSpec, input, "VM"), options);
      return new Vm(ports, record.id);
    },
    getVm: async (reference) => new Vm(ports, findVm(ports.records, reference).id),
    async listVms() {
      await reconcile(ports);
      return ports.records.list().map((record) => toVmInfo(ports, record));
    },
    hasImage: (image) => images.has(image),
    imageCommand: (vm) => {
      const config = ports.records.find(vm.id)?.imageConfig;
      return { entrypoint: config?.entrypoint ?? [], cmd: config?.cmd ?? [] };
    },
    buildDebianImage: async (recipe, signal) => {
      await buildDebianImage(recipe, { images, staging, signal });
    },
    [Symbol.dispose]: close,
  };
}

/** The engines of this host; the only place that names them. Looked for when first needed. */
function engines(options: CoreOptions): Pick<VmPorts, "engine" | "defaultEngine"> {
  const known = new Map<string, Engine>();
  const engine = (name: string) => {
    if (name !== "qemu") {
      const reason = "this version has no such engine";
      throw new BandSoxError(
        "engine_unavailable",
        `cannot use the engine ${JSON.stringify(name)}: ${reason}`,
        { engine: name, reason },
      );
    }
    const helpers = helperPaths(options.binDir);
    const { acceleration, transport } = options;
    const found =
      known.get(name) ?? findQemu({ helpers, kvm: judgeKvm(kvmEvidence()), acceleration, transport });
    known.set(name, found);
    return found;
  };
  return { engine, defaultEngine: () => engine(options.engine ?? "qemu") };
}

/** The OCI platform of this host. */
function platform(): string {
  return process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
}
