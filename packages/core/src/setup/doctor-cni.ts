import { readCniNetworks } from "../network/cni-config.ts";
import { type CniPlaces, missingPlugins } from "../network/cni-places.ts";
import type { DoctorCheck } from "./doctor-check.ts";
import { findCniPlugins } from "./install-cni.ts";

/** Reports which CNI networks VMs can be attached to, and where their plugins are. No such network is no failure. */
export function checkCni({ confDir, binDirs }: CniPlaces): DoctorCheck {
  const base = { id: "cni", level: "advised" } as const;
  const { networks, broken } = readCniNetworks(confDir);
  const dir = findCniPlugins(binDirs);
  const names = networks.map(({ name }) => name).join(", ");
  const found = `${names === "" ? "no networks" : `networks ${names}`} in ${confDir}, ${dir === undefined ? "no plugins" : `plugins in ${dir}`}`;
  const missing = [...new Set(networks.flatMap(({ plugins }) => missingPlugins(plugins, binDirs)))];
  if (missing.length > 0) {
    const remedy = "bandsox init, or apt-get install containernetworking-plugins";
    return { ...base, ok: false, found: `${found}; missing are ${missing.join(", ")}`, remedy };
  }
  if (broken.length === 0) return { ...base, ok: true, found };
  const remedy = "see docs/networking.md for an example of a configuration";
  return { ...base, ok: false, found: `${found}; ${broken.join(", ")} cannot be read`, remedy };
}
