import { delimiter, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { executableAt } from "../host/find-tool.ts";
import { type CniNetwork, readCniNetworks } from "./cni-config.ts";

/** Where this machine has CNI networks and the plugins they run. */
export interface CniPlaces {
  readonly confDir: string;
  /** Looked through in this order */
  readonly binDirs: readonly string[];
}

export interface CniPlaceOptions {
  /** Directory of network configurations (default: `/etc/cni/net.d`) */
  readonly cniConfDir?: string | undefined;
  /** Directories of plugins to look through before all others, with colons between them */
  readonly cniBinDir?: string | undefined;
}

const CONF_DIR = "/etc/cni/net.d";
/** Where others install plugins: as upstream does, and as Debian does. */
const BIN_DIRS = ["/opt/cni/bin", "/usr/lib/cni"];

/** Where to look, `ownDir` being where `init` installs plugins. */
export function cniPlaces({ cniConfDir, cniBinDir }: CniPlaceOptions, ownDir: string): CniPlaces {
  const given = (cniBinDir ?? "").split(delimiter).filter((dir) => dir !== "");
  return { confDir: cniConfDir || CONF_DIR, binDirs: [...new Set([...given, ownDir, ...BIN_DIRS])] };
}

/** Those of some plugins that are not installed. */
export function missingPlugins(plugins: readonly string[], binDirs: readonly string[]): string[] {
  return plugins.filter((plugin) => !binDirs.some((dir) => executableAt(join(dir, plugin))));
}

/**
 * The network of a name, all of whose plugins are here.
 *
 * @throws {BandSoxError} `network_not_found`, `networking_unavailable`
 */
export function requireCniNetwork(name: string, { confDir, binDirs }: CniPlaces): CniNetwork {
  const { networks, broken } = readCniNetworks(confDir);
  const network = networks.find((one) => one.name === name);
  if (!network) throw notFound(name, { confDir, known: networks.map((one) => one.name), broken });
  const missing = missingPlugins(network.plugins, binDirs);
  if (missing.length === 0) return network;
  const install = "`bandsox init` installs them, and so does the package containernetworking-plugins";
  const reason = `plugins of it are in none of ${binDirs.join(", ")}: ${missing.join(", ")}; ${install}`;
  const message = `cannot use the CNI network ${name} of ${network.file}: ${reason}`;
  throw new BandSoxError("networking_unavailable", message, { reason });
}

interface Searched {
  readonly confDir: string;
  readonly known: readonly string[];
  readonly broken: readonly string[];
}

function notFound(network: string, { confDir, known, broken }: Searched): BandSoxError {
  const found = known.length === 0 ? "no network is configured there" : `there are ${known.join(", ")}`;
  const more = broken.length === 0 ? "" : `; ${broken.join(", ")} cannot be read as a configuration`;
  const message = `there is no CNI network ${network} in ${confDir}: ${found}${more}`;
  return new BandSoxError("network_not_found", message, { network, searched: confDir });
}
