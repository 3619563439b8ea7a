import { join } from "node:path";
import {
  type BootFiles,
  type DoctorReport,
  defaultStorageDir,
  ensureBootFiles,
  type GivenCni,
  type GivenFirecracker,
  type GivenRootfs,
  openCore,
  provideHelpers,
  runDoctor,
  type SetupStep,
  setUpCni,
  setUpFirecracker,
} from "@bandsox/core";

export interface InitOptions {
  /** Storage directory to set up (default: as for `BandSox`) */
  storageDir?: string | undefined;
  /** Guest kernel to use: a path, `file://` or `http(s)://` (default: the installed one, else the first that is found) */
  kernel?: { readonly url: string; readonly sha256?: string | undefined } | undefined;
  /** Leave the kernel as it is, or absent (default: `false`) */
  skipKernel?: boolean | undefined;
  /**
   * Root file system to keep as the image `bandsox-base`, an ext4 disk or a tar: a path, `file://` or `http(s)://`
   * (default: none, VMs are made from any image)
   */
  rootfs?: GivenRootfs | undefined;
  /** A Firecracker to install (default: the pinned release, where KVM works and there is none yet) */
  firecracker?: GivenFirecracker | undefined;
  /** Leave Firecracker as it is, or absent (default: `false`) */
  skipFirecracker?: boolean | undefined;
  /** CNI plugins to install (default: a pinned release, where VMs can use them, there are none yet and it can be had) */
  cni?: GivenCni | undefined;
  /** Leave CNI plugins as they are, or absent (default: `false`) */
  skipCni?: boolean | undefined;
  /** Look for a kernel, and fetch the root file system, even though there is one (default: `false`) */
  refresh?: boolean | undefined;
  onProgress?: ((step: SetupStep) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What is set up. */
export interface InitResult {
  /** What guests start from; absent when it was skipped */
  readonly bootFiles?: BootFiles;
  /** Version of Firecracker; absent when there is none, or it was skipped */
  readonly firecrackerVersion?: string;
  /** Directory of the CNI plugins; absent when there are none, or they were skipped */
  readonly cniDir?: string;
  /** Digest of the image `bandsox-base`; absent when no root file system was given */
  readonly rootfsDigest?: string;
}

/** Sets a storage directory up: guest kernel, initramfs, Firecracker, CNI plugins, and a root file system if one is given. */
export async function init(options: InitOptions = {}): Promise<InitResult> {
  const { env } = process;
  const { kernel, rootfs, firecracker, cni, refresh, onProgress, signal } = options;
  const { skipKernel, skipFirecracker, skipCni } = options;
  const storageDir = options.storageDir ?? defaultStorageDir(env);
  const binDir = await provideHelpers(storageDir, env);
  const how = { refresh, onProgress, signal };
  const agentPath = join(binDir, "bandsox-agent");
  const bootFiles = skipKernel ? undefined : await ensureBootFiles({ storageDir, agentPath, kernel, ...how });
  const installed = skipFirecracker ? undefined : await setUpFirecracker(firecracker, { storageDir, ...how });
  const cniBinDir = env.BANDSOX_CNI_BIN_DIR;
  const cniDir = skipCni ? undefined : await setUpCni(cni, { storageDir, cniBinDir, ...how });
  let rootfsDigest: string | undefined;
  if (rootfs) {
    await using core = await openCore({ storageDir, binDir });
    rootfsDigest = (await core.installRootfs(rootfs, how)).digest;
  }
  return {
    ...(bootFiles ? { bootFiles } : {}),
    ...(installed ? { firecrackerVersion: installed.version } : {}),
    ...(cniDir === undefined ? {} : { cniDir }),
    ...(rootfsDigest === undefined ? {} : { rootfsDigest }),
  };
}

/** Looks at everything VMs need from this machine; changes nothing. */
export async function doctor(
  options: { storageDir?: string | undefined; signal?: AbortSignal } = {},
): Promise<DoctorReport> {
  const { env } = process;
  return runDoctor({
    storageDir: options.storageDir ?? defaultStorageDir(env),
    cniConfDir: env.BANDSOX_CNI_CONF_DIR,
    cniBinDir: env.BANDSOX_CNI_BIN_DIR,
    signal: options.signal,
  });
}
