import { isBandSoxError } from "@bandsox/contract";
import { storagePaths } from "../host/paths.ts";
import { cniPlaces } from "../network/cni-places.ts";
import { whyNoNamespaces } from "../network/may-connect.ts";
import { findCniPlugins, installCni } from "./install-cni.ts";
import type { GivenRelease } from "./obtain-archive.ts";
import type { OnSetupStep } from "./setup-step.ts";

/** CNI plugins that the user names, or wants somewhere. */
export interface GivenCni extends GivenRelease {
  /** Where they are installed (default: under the storage) */
  readonly dir?: string | undefined;
}

export interface SetUpCniOptions {
  readonly storageDir: string;
  /** Where else plugins are looked for first, as `BANDSOX_CNI_BIN_DIR` has it */
  readonly cniBinDir?: string | undefined;
  /** Fetch them again though there are some (default: `false`) */
  readonly refresh?: boolean | undefined;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Directories that may have plugins already (default: those VMs' are looked for in) */
  readonly searched?: readonly string[] | undefined;
  /** Why no VM of this machine can be attached; `undefined`: nothing is against it */
  readonly whyNot?: (() => string | undefined) | undefined;
}

/**
 * Installs CNI plugins as `init` does: what is asked for has to succeed; unasked they are installed where VMs can use them,
 * there are none yet, and they can be had.
 *
 * @returns the directory they are in, nothing when there are none
 * @throws {BandSoxError} as `installCni`, for what is asked for
 */
export async function setUpCni(
  given: GivenCni | undefined,
  options: SetUpCniOptions,
): Promise<string | undefined> {
  const { refresh, onProgress, signal, whyNot = whyNoNamespaces } = options;
  const report = onProgress ?? (() => {});
  const ownDir = storagePaths(options.storageDir).cniBinDir;
  const installDir = given?.dir ?? ownDir;
  const present = findCniPlugins(
    given?.dir ? [given.dir] : (options.searched ?? cniPlaces(options, ownDir).binDirs),
  );
  if (present !== undefined && given?.url === undefined && !refresh) {
    report({ step: "cni", state: "reused", text: `plugins in ${present}` });
    return present;
  }
  const install = () => installCni({ ...given, installDir, onProgress, signal });
  if (given) {
    await install();
    return installDir;
  }
  const why = whyNot();
  if (why !== undefined) {
    report({ step: "cni", state: "failed", text: `left out: VMs have no networks here: ${why}` });
    return present;
  }
  try {
    await install();
    return installDir;
  } catch (error) {
    if (!isBandSoxError(error, "networking_unavailable")) throw error;
    const use = present === undefined ? "VMs have BandSox's own networks" : `those in ${present} are used`;
    report({ step: "cni", state: "failed", text: `left out: ${error.message}; ${use}` });
    return present;
  }
}
