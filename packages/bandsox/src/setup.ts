import { join } from "node:path";
import {
  type BootFiles,
  type DoctorReport,
  defaultBinDir,
  defaultStorageDir,
  ensureBootFiles,
  runDoctor,
  type SetupStep,
} from "@bandsox/core";

export interface InitOptions {
  /** Storage directory to set up (default: as for `BandSox`) */
  storageDir?: string | undefined;
  /** Guest kernel to use: a path, `file://` or `http(s)://` (default: the installed one, else the first that is found) */
  kernel?: { readonly url: string; readonly sha256?: string | undefined } | undefined;
  /** Look for a kernel even though one is installed (default: `false`) */
  refresh?: boolean | undefined;
  onProgress?: ((step: SetupStep) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Sets a storage directory up: guest kernel and initramfs. What is there already is kept. */
export async function init({ storageDir, ...options }: InitOptions = {}): Promise<BootFiles> {
  const { env } = process;
  const agentPath = join(defaultBinDir(env), "bandsox-agent");
  return ensureBootFiles({ storageDir: storageDir ?? defaultStorageDir(env), agentPath, ...options });
}

/** Looks at everything VMs need from this machine; changes nothing. */
export async function doctor(
  options: { storageDir?: string | undefined; signal?: AbortSignal } = {},
): Promise<DoctorReport> {
  return runDoctor({
    storageDir: options.storageDir ?? defaultStorageDir(process.env),
    signal: options.signal,
  });
}
