import { existsSync, readFileSync, realpathSync } from "node:fs";
import { access, constants, open, stat } from "node:fs/promises";
import type { FirecrackerSchemas } from "@bandsox/core/engine-parts";
import type { z } from "zod";
import { Balloon, balloonRequest } from "./balloon.ts";
import { ApiFault, osError } from "./fault.ts";
import { GuestMachine } from "./guest-machine.ts";
import { writeMemory } from "./memory-file.ts";
import type { CheckedRequest } from "./request-check.ts";
import { loadFault, type MachineState, readState, writeState } from "./snapshot-file.ts";
import type { Traits } from "./traits.ts";
import { VsockDevice } from "./vsock.ts";

type Body<Name extends keyof FirecrackerSchemas> = z.infer<FirecrackerSchemas[Name]>;

const POST_BOOT = "The requested operation is not supported after starting the microVM.";
const PRE_BOOT = "The requested operation is not supported before starting the microVM.";

/** What may be asked only before the machine runs, and only while it does. */
const BEFORE = new Set([
  "PUT /balloon",
  "PUT /boot-source",
  "PUT /drives/{id}",
  "PUT /entropy",
  "PUT /logger",
  "PUT /machine-config",
  "PUT /metrics",
  "PUT /network-interfaces/{id}",
  "PUT /serial",
  "PUT /snapshot/load",
  "PUT /vsock",
]);
const AFTER = new Set([
  "PATCH /balloon",
  "PATCH /balloon/statistics",
  "GET /balloon/statistics",
  "PATCH /drives/{id}",
  "PATCH /network-interfaces/{id}",
  "PATCH /vm",
  "PUT /snapshot/create",
]);
/** Setting one of these rules out the loading of a snapshot. */
const OF_A_BOOT = new Set([
  "PUT /balloon",
  "PUT /boot-source",
  "PUT /drives/{id}",
  "PUT /entropy",
  "PUT /machine-config",
  "PUT /network-interfaces/{id}",
  "PUT /vsock",
]);

export interface VmmOptions {
  readonly id: string;
  readonly traits: Traits;
  readonly flushMetrics: () => Promise<void>;
  /** Called when the guest has ended its machine */
  readonly onEnd: (code: number) => void;
}

/** Firecracker's machine: what is configured, what runs, and what may be asked when. */
export class Vmm {
  readonly #options: VmmOptions;
  #state: "Not started" | "Running" | "Paused" = "Not started";
  #config: Body<"MachineConfiguration"> = { vcpu_count: 1, mem_size_mib: 128 };
  #boot: Body<"BootSource"> | undefined;
  readonly #drives = new Map<string, Body<"Drive">>();
  readonly #interfaces = new Map<string, Body<"NetworkInterface">>();
  #vsock: VsockDevice | undefined;
  #balloon: Balloon | undefined;
  #isConfigured = false;
  #machine: GuestMachine | undefined;
  #machineState: MachineState | undefined;
  #tracks = false;
  /** What changed pages are told from, where they are known */
  #base: string | undefined;
  /** A snapshot was taken: the guest hears on resume that its connections are gone */
  #resetsVsock = false;

  constructor(options: VmmOptions) {
    this.#options = options;
  }

  /** Carries a request out. @throws {ApiFault} */
  async handle({ name, id, body }: CheckedRequest): Promise<unknown> {
    const { traits } = this.#options;
    const isArmed = traits.armedBy === undefined || existsSync(traits.armedBy);
    if (isArmed && traits.diesAt === name) process.kill(process.pid, "SIGKILL");
    if (isArmed && traits.refuses === name) throw new ApiFault(`The double was told to refuse ${name}.`);
    const started = this.#state !== "Not started";
    if (started && BEFORE.has(name)) throw new ApiFault(POST_BOOT);
    if (!started && AFTER.has(name)) throw new ApiFault(PRE_BOOT);
    const result = await this.#carryOut(name, id, body);
    if (OF_A_BOOT.has(name)) this.#isConfigured = true;
    return result;
  }

  async #carryOut(name: string, id: string | undefined, body: unknown): Promise<unknown> {
    switch (name) {
      case "GET /":
        return this.#instanceInfo();
      case "GET /version":
        return { firecracker_version: this.#options.traits.version };
      case "GET /machine-config":
        return this.#config;
      case "GET /vm/config":
        return { "machine-config": this.#config, drives: [...this.#drives.values()] };
      case "PUT /balloon":
        this.#balloon = new Balloon(body as Body<"Balloon">, this.#config.mem_size_mib);
        return undefined;
      case "GET /balloon":
      case "GET /balloon/statistics":
      case "PATCH /balloon":
      case "PATCH /balloon/statistics":
        return balloonRequest(this.#balloon, name, body);
      case "PUT /machine-config":
        return this.#configure(body as Body<"MachineConfiguration">);
      case "PUT /boot-source":
        return this.#setBoot(body as Body<"BootSource">);
      case "PUT /drives/{id}":
        return this.#setDrive(body as Body<"Drive">);
      case "PATCH /drives/{id}":
        return this.#patchDrive(id ?? "", body as Body<"PartialDrive">);
      case "PUT /network-interfaces/{id}":
        return this.#setInterface(body as Body<"NetworkInterface">);
      case "PUT /vsock":
        return this.#setVsock(body as Body<"Vsock">);
      case "PUT /actions":
        return this.#act(body as Body<"InstanceActionInfo">);
      case "PATCH /vm":
        return this.#setState(body as Body<"Vm">);
      case "PUT /snapshot/create":
        return this.#createSnapshot(body as Body<"SnapshotCreateParams">);
      case "PUT /snapshot/load":
        return this.#loadSnapshot(body as Body<"SnapshotLoadParams">);
    }
    return undefined; // a device that makes no difference behind the double
  }

  #instanceInfo() {
    const { id, traits } = this.#options;
    return { app_name: "Firecracker", id, state: this.#state, vmm_version: traits.version };
  }

  #configure(config: Body<"MachineConfiguration">): void {
    if (config.mem_size_mib <= 0)
      throw new ApiFault(
        "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.",
      );
    this.#config = config;
    this.#tracks = config.track_dirty_pages ?? false;
  }

  async #setBoot(boot: Body<"BootSource">): Promise<void> {
    await access(boot.kernel_image_path).catch((error: unknown) => {
      throw new ApiFault(`Boot source error: The kernel file cannot be opened: ${osError(error)}`);
    });
    await access(boot.initrd_path ?? "/").catch((error: unknown) => {
      const why = "The initrd file cannot be opened due to invalid path or invalid permissions.";
      throw new ApiFault(`Boot source error: ${why} ${osError(error)}`);
    });
    const magic = Buffer.alloc(4);
    await using kernel = await open(boot.kernel_image_path, "r");
    await kernel.read(magic, 0, 4, 0);
    if (magic.toString("latin1") !== "\u007fELF")
      throw new ApiFault(
        "Start microvm error: Cannot load kernel due to invalid memory configuration or invalid kernel image.",
      );
    this.#boot = boot;
  }

  async #setDrive(drive: Body<"Drive">): Promise<void> {
    if (drive.path_on_host === undefined || drive.is_read_only === undefined)
      throw new ApiFault(
        "Drive config error: Unable to create the virtio block device: Invalid block configuration",
      );
    await openDrive(drive.path_on_host, drive.is_read_only);
    this.#drives.set(drive.drive_id, drive);
  }

  async #patchDrive(id: string, patch: Body<"PartialDrive">): Promise<void> {
    const known = this.#machineState?.drives.some((drive) => drive.id === id);
    if (!known)
      throw new ApiFault(
        `Drive config error: Unable to patch the block device: Device ${id} not found Please verify the request arguments.`,
      );
    if (patch.path_on_host !== undefined)
      throw new ApiFault("The double does not exchange a drive that is in use.");
  }

  #setInterface(config: Body<"NetworkInterface">): void {
    assertTap(config.host_dev_name);
    this.#interfaces.set(config.iface_id, config);
  }

  async #setVsock(config: Body<"Vsock">): Promise<void> {
    this.#vsock?.close();
    this.#vsock = await VsockDevice.bind(config.uds_path);
  }

  async #act({ action_type }: Body<"InstanceActionInfo">): Promise<void> {
    if (action_type === "InstanceStart") return this.#start();
    if (this.#state === "Not started") throw new ApiFault(PRE_BOOT);
    if (action_type === "FlushMetrics") await this.#options.flushMetrics();
  }

  async #start(): Promise<void> {
    if (this.#state !== "Not started") throw new ApiFault(POST_BOOT);
    if (!this.#boot)
      throw new ApiFault("Start microvm error: Cannot start microvm without kernel configuration.");
    const state: MachineState = {
      format: "bandsox-firecracker-double",
      version: formatOf(this.#options.traits.version),
      vcpu: this.#config.vcpu_count,
      memMib: this.#config.mem_size_mib,
      bootArgs: this.#boot.boot_args ?? "",
      // QEMU wants them again when it goes on; Firecracker has the whole kernel in the memory's file.
      kernel: realpathSync(this.#boot.kernel_image_path),
      initramfs: realpathSync(this.#boot.initrd_path ?? ""),
      drives: [...this.#drives.values()].map((drive) => ({
        ...{ id: drive.drive_id, path: drive.path_on_host ?? "", readOnly: drive.is_read_only ?? false },
      })),
      ...(this.#vsock ? { vsockPath: this.#vsock.path } : {}),
      ...(this.#balloon ? { balloon: this.#balloon.config } : {}),
      networkInterfaces: [...this.#interfaces.values()].map(({ iface_id: id, guest_mac: mac = "" }) => ({
        id,
        mac,
      })),
    };
    await GuestMachine.prepare();
    await this.#run(state, await GuestMachine.start(state, this.#options.traits.binDir));
  }

  async #run(state: MachineState, machine: GuestMachine): Promise<void> {
    this.#machine = machine;
    this.#machineState = state;
    this.#state = "Running";
    this.#vsock?.attach(machine);
    void machine.ended.then(this.#options.onEnd);
  }

  async #setState({ state }: Body<"Vm">): Promise<void> {
    const wanted = state === "Paused" ? "Paused" : "Running";
    if (wanted === "Paused") await this.#machine?.pause();
    else await this.#machine?.resume();
    this.#state = wanted;
    if (wanted === "Running") this.#resumeVsock();
    this.#vsock?.setRunning(wanted === "Running");
  }

  #resumeVsock(): void {
    const { traits } = this.#options;
    if (this.#resetsVsock) {
      this.#vsock?.reset();
      this.#vsock?.hear();
    } else if (deafens(traits.version)) this.#vsock?.deafen();
    this.#resetsVsock = false;
    if (traits.losesVsock === "on resume") this.#vsock?.lose();
  }

  async #createSnapshot(params: Body<"SnapshotCreateParams">): Promise<void> {
    if (!this.#machine || !this.#machineState) throw new ApiFault(PRE_BOOT);
    if (this.#state !== "Paused")
      throw new ApiFault(
        "Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running",
      );
    const isDiff = params.snapshot_type === "Diff";
    if (isDiff && !this.#tracks)
      throw new ApiFault(
        "Create snapshot error: Cannot get dirty bitmap: Error getting the KVM dirty bitmap. Invalid argument (os error 22)",
      );
    // The devices are told before anything is written.
    this.#resetsVsock = true;
    await assertWritable(params.snapshot_path);
    const { memory, devices } = await this.#machine.save();
    try {
      const balloon = this.#balloon?.config;
      const state = { ...this.#machineState, ...(balloon ? { balloon } : {}) };
      await writeState(params.snapshot_path, state, devices);
      await writeMemory(memory, params.mem_file_path, isDiff ? this.#base : undefined);
    } catch (error) {
      throw new ApiFault(
        `Create snapshot error: Cannot perform open on the memory backing file: ${osError(error)}`,
      );
    }
    // The record of changed pages begins anew with each snapshot.
    if (this.#tracks) this.#base = await this.#machine.keepAsBase(memory);
  }

  async #loadSnapshot(params: Body<"SnapshotLoadParams">): Promise<void> {
    if (this.#isConfigured)
      throw new ApiFault(
        "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.",
      );
    try {
      await this.#load(params);
    } catch (error) {
      if (error instanceof ApiFault) setImmediate(() => this.#options.onEnd(1)); // too dirty to go on with
      throw error;
    }
  }

  async #load(params: Body<"SnapshotLoadParams">): Promise<void> {
    const { devices } = await GuestMachine.prepare();
    const state = await readState(params.snapshot_path, devices);
    const own = formatOf(this.#options.traits.version);
    if (state.version !== own)
      throw loadFault(
        `Failed to get snapshot state from file: Failed to load snapshot state from file: Invalid format version: ${state.version} (expected ${own})`,
      );
    const memory = params.mem_backend?.backend_path ?? params.mem_file_path ?? "";
    if (params.mem_backend?.backend_type === "Uffd")
      throw new ApiFault("The double maps memory from files only.");
    const size = await stat(memory).catch((error: unknown) => {
      throw loadFault(
        `Failed to load guest memory: Error creating guest memory from file: Failed to load guest memory: ${osError(error)}`,
      );
    });
    if (size.size !== state.memMib * 1024 ** 2)
      throw loadFault(
        "Error creating guest memory from file: Failed to restore guest memory: Cannot access file: the size does not match",
      );
    for (const { path, readOnly } of state.drives) await openDrive(path, readOnly);
    for (const { iface_id, host_dev_name } of params.network_overrides ?? []) {
      if (!state.networkInterfaces.some(({ id }) => id === iface_id))
        throw loadFault("Unknown Network Device.");
      assertTap(host_dev_name);
    }
    if (params.vsock_override && state.vsockPath === undefined) throw loadFault("Unknown Vsock Device.");
    const vsockPath = params.vsock_override?.uds_path ?? state.vsockPath;
    if (vsockPath !== undefined) this.#vsock = await VsockDevice.bind(vsockPath);
    if (state.balloon) this.#balloon = new Balloon(state.balloon, state.memMib);
    this.#tracks = params.track_dirty_pages ?? params.enable_diff_snapshots ?? false;
    this.#base = this.#tracks ? memory : undefined;
    const loaded = { ...state, ...(vsockPath === undefined ? {} : { vsockPath }) };
    const machine = await GuestMachine.start(loaded, this.#options.traits.binDir, { memory, devices });
    await this.#run(loaded, machine);
    if (this.#options.traits.losesVsock === "on restore") this.#vsock?.lose();
    if (params.resume_vm) return;
    await machine.pause();
    this.#state = "Paused";
    this.#vsock?.setRunning(false);
  }
}

async function openDrive(path: string, readOnly: boolean): Promise<void> {
  await access(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK).catch((error: unknown) => {
    const why = `Virtio backend error: Error manipulating the backing file: ${osError(error)} ${path}`;
    throw new ApiFault(`Drive config error: Unable to create the virtio block device: ${why}`);
  });
}

/** A device of the network namespace this process is in. */
function assertTap(name: string): void {
  if (readFileSync("/proc/self/net/dev", "utf8").includes(` ${name}:`)) return;
  const why = `Open tap device failed: Error while creating ifreq structure: no device ${name} here`;
  throw new ApiFault(`Network config error: Cannot open/create the tap device: ${why}`);
}

async function assertWritable(path: string): Promise<void> {
  try {
    await using _ = await open(path, "a");
  } catch (error) {
    const what = "Cannot perform open on the snapshot backing file";
    throw new ApiFault(`Create snapshot error: ${what}: ${osError(error)}`);
  }
}

/** Whether a pause deafens the guest of a version until it is told that its connections are gone. */
function deafens(version: string): boolean {
  return formatOf(version) === "1.16";
}

/** Snapshots go between versions of one minor number. */
function formatOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
