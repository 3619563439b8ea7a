import { askVersion } from "../engine/firecracker/ask-version.ts";
import { formatVersion, isAtLeast, OLDEST_VERSION } from "../engine/firecracker/capabilities.ts";
import { findJailer, hasCgroups, locateFirecracker } from "../engine/firecracker/find-firecracker.ts";
import { storagePaths } from "../host/paths.ts";
import type { DoctorCheck } from "./doctor-check.ts";

/** Reports Firecracker, and how well it is confined. VMs run on QEMU without it. */
export async function checkFirecracker(
  storageDir: string,
  { uid = process.getuid?.(), binary }: { uid?: number | undefined; binary?: string | undefined } = {},
): Promise<DoctorCheck> {
  const base = { id: "firecracker", level: "advised" } as const;
  const found = locateFirecracker({
    binary: binary ?? (process.env.BANDSOX_FIRECRACKER || undefined),
    installDir: storagePaths(storageDir).firecrackerDir,
  });
  if (!found) {
    const remedy = "`bandsox init` installs it where KVM works; VMs run on QEMU without it";
    return { ...base, ok: false, found: "not installed", remedy };
  }
  const version = askVersion(found);
  if (!version)
    return {
      ...base,
      ok: false,
      found: `${found} does not run here`,
      remedy: "install another with `bandsox init`",
    };
  const name = `${formatVersion(version)} at ${found}`;
  if (!isAtLeast(version, OLDEST_VERSION)) {
    const remedy = `install ${formatVersion(OLDEST_VERSION)} or newer with \`bandsox init --firecracker-url\``;
    return { ...base, ok: false, found: `${name}, which is too old`, remedy };
  }
  if (uid !== 0) {
    const remedy = "run as root, which has the jailer confine each VM to a directory and a user of its own";
    return { ...base, ok: false, found: `${name}, not jailed: this is not root`, remedy };
  }
  if (!findJailer(found, uid))
    return {
      ...base,
      ok: false,
      found: `${name}, without its jailer`,
      remedy: `put the jailer beside ${found}`,
    };
  const limits = hasCgroups()
    ? ""
    : ", without limits of processor and memory (no control groups of version 2)";
  return { ...base, ok: true, found: `${name}, jailed${limits}` };
}
