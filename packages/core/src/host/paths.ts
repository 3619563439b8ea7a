import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { VmId } from "@bandsox/contract";

/** The storage directory when none is given: `BANDSOX_STORAGE`, else the system's for root, else the user's own. */
export function defaultStorageDir(
  env: Readonly<Record<string, string | undefined>>,
  uid = process.getuid?.(),
): string {
  if (env.BANDSOX_STORAGE) return resolve(env.BANDSOX_STORAGE);
  if (uid === 0) return "/var/lib/bandsox";
  const given = env.XDG_DATA_HOME ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".local", "share"), "bandsox");
}

/** Where everything lives under a storage root. The only builder of such paths. */
export function storagePaths(storageDir: string) {
  const root = resolve(storageDir);
  return {
    root,
    database: join(root, "bandsox.db"),
    /** Touched after each event is written down, so that others see it at once */
    eventSignal: join(root, "events.signal"),
    /** Touched by supervisors when their VM has ended or was paused */
    vmSignal: join(root, "vms.signal"),
    kernelDir: join(root, "kernel"),
    /** Firecracker and its jailer, where `init` has installed them */
    firecrackerDir: join(root, "firecracker"),
    /** CNI plugins, where `init` has installed them */
    cniBinDir: join(root, "cni", "bin"),
    /** What CNI plugins answered for VMs that are attached */
    cniCacheDir: join(root, "cni", "cache"),
    /** The Go helpers of an installed package, unpacked, by what they are */
    helpersDir: join(root, "helpers"),
    /** Content-addressed store of image blobs, `blobs/sha256/<hex>` inside */
    imageStore: join(root, "images"),
    /** Base disks by manifest digest */
    basesDir: join(root, "bases"),
    /** Pre-formatted empty layer disks by size */
    templatesDir: join(root, "templates"),
    /** Saved machines from which VMs are created, by shape */
    goldensDir: join(root, "goldens"),
    /** What VMs go on from, by snapshot */
    snapshotsDir: join(root, "snapshots"),
    vmsDir: join(root, "vms"),
    /** Work in progress; nothing here outlives the process that made it */
    stagingDir: join(root, "staging"),
  } as const;
}
export type StoragePaths = ReturnType<typeof storagePaths>;

/** The files of one VM, all in its own directory. */
export function vmPaths(paths: StoragePaths, id: VmId) {
  return vmmPaths(join(paths.vmsDir, id));
}

/** The files of one snapshot, all in a directory of its own; in `staging` until it is whole. */
export function snapshotPaths(dir: string) {
  return {
    dir,
    memory: join(dir, "memory"),
    /** Instead of `memory` where that is kept as a difference: another memory, and what is otherwise */
    memoryBase: join(dir, "memory.base"),
    memoryDiff: join(dir, "memory.diff"),
    state: join(dir, "state"),
    layerDisk: join(dir, "layer.ext4"),
    vmlinux: join(dir, "vmlinux"),
    initramfs: join(dir, "initramfs"),
    manifest: join(dir, "manifest.json"),
  } as const;
}
export type SnapshotPaths = ReturnType<typeof snapshotPaths>;

/** The files of one VMM, all in a directory of its own. */
export function vmmPaths(dir: string) {
  const at = (name: string) => `${dir}/${name}`; // lists ask for these once and again: `join` would be felt
  return {
    dir,
    /** What the guest's memory is a private mapping of when it boots: zeros, without a block of its own */
    memory: at("memory"),
    layerDisk: at("layer.ext4"),
    /** The kernel and initramfs it was started from, which stay while the storage gets others */
    vmlinux: at("vmlinux"),
    initramfs: at("initramfs"),
    launchConfig: at("launch.json"),
    supervisor: at("supervisor.json"),
    exit: at("exit.json"),
    agentSocket: at("agent.sock"),
    channelSocket: at("channel.sock"),
    controlSocket: at("control.sock"),
    /** Carries calls that do not keep the VM awake */
    observerSocket: at("observer.sock"),
    /** How long the VM may run and be idle; read by its supervisor */
    limits: at("limits.json"),
    /** What the supervisor did because of them */
    enforced: at("enforced.json"),
    /** How a busy guest was doing last */
    vitals: at("vitals.json"),
    console: at("console.log"),
    vmmLog: at("vmm.log"),
    /** What carries the guest's channel, once that is not what the VM was started with */
    transport: at("transport.json"),
    /** The names a Firecracker knows its files by */
    apiSocket: at("api.sock"),
    vsockSocket: at("vsock.sock"),
    baseDisk: at("base.ext4"),
    vmmLogPipe: at("vmm-log.pipe"),
    metricsPipe: at("vmm-metrics.pipe"),
    /** The last metrics of the VMM */
    metrics: at("vmm-metrics.json"),
    /** What a jailed Firecracker is confined to */
    jail: at("jail"),
    /** Decisions about the guest's network */
    networkLog: at("network.log"),
    /** Where its supervisor takes changes of the policy */
    networkSocket: at("network.sock"),
    /** Where its supervisor listens for the guest */
    published: at("published.json"),
  } as const;
}
export type VmPaths = ReturnType<typeof vmmPaths>;

/** The Go helper programs, by the directory `make setup` (or the package) puts them in. */
export function helperPaths(binDir: string) {
  return {
    agent: join(binDir, "bandsox-agent"),
    supervise: join(binDir, "bandsox-supervise"),
    image: join(binDir, "bandsox-image"),
    snapshot: join(binDir, "bandsox-snapshot"),
    network: join(binDir, "bandsox-network"),
  } as const;
}
export type HelperPaths = ReturnType<typeof helperPaths>;

/** The directory `BANDSOX_BIN_DIR` names, or the repository's own build of the helpers. */
export function defaultBinDir(env: Readonly<Record<string, string | undefined>>): string {
  return env.BANDSOX_BIN_DIR ?? resolve(import.meta.dirname, "../../../../build/bin");
}
