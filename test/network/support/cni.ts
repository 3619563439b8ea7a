import { mkdir, readdir, writeFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { execa } from "execa";

/**
 * Configurations of the test's own: `lab`, a bridge whose addresses are leased in a directory, with published ports; and
 * `plain`, another with both versions of IP and no published ports, in a file of the older kind.
 */
export interface Lab {
  readonly confDir: string;
  readonly file: string;
  /** Addresses that are leased */
  leases(): Promise<string[]>;
  /** All that attaching changes: links, routes, rules, namespaces, leases, and the results that are kept */
  everything(): Promise<readonly unknown[]>;
}

/** Opens a lab in `dir`, for the VMs of a storage. */
export async function openLab(dir: string, storage: string): Promise<Lab> {
  const confDir = join(dir, "net.d");
  const dataDir = join(dir, "leases");
  await mkdir(confDir);
  const file = join(confDir, "10-lab.conflist");
  await writeFile(file, JSON.stringify(lab(dataDir)));
  await writeFile(join(confDir, "20-plain.conf"), JSON.stringify(plain(dataDir)));
  const leases = () =>
    readdir(join(dataDir, "lab")).then(
      (names) => names.filter(isIPv4),
      () => [],
    );
  const everything = async () => {
    const cached = await readdir(join(storage, "cni/cache"), { recursive: true }).catch(() => []);
    return [...(await hostState()), await leases(), cached];
  };
  return { confDir, file, leases, everything };
}

/** Takes the plugins' bridges away, which tell a while later that nothing is attached: others compare what they find. */
export async function removeBridges(): Promise<void> {
  const links = JSON.parse((await execa("ip", ["-json", "link"])).stdout) as { ifname: string }[];
  for (const { ifname } of links)
    if (ifname === "lab0" || ifname === "plain0") await execa("ip", ["link", "delete", ifname]);
}

/** This host's networks, but for counters and for whether a bridge has a device that is up. */
async function hostState(): Promise<string[]> {
  const shown = [
    ["ip", "-json", "link"],
    ["ip", "route"],
    ["nft", "--stateless", "list", "ruleset"],
    ["ip", "netns", "list"],
  ] as const;
  const [links, routes, ...rest] = await Promise.all(
    shown.map(async ([program, ...args]) => (await execa(program, args)).stdout),
  );
  const names = JSON.parse(links ?? "[]").map(({ ifname }: { ifname: string }) => ifname);
  return [names.join(), (routes ?? "").replaceAll(/ linkdown| *$/gm, ""), ...rest];
}

function lab(dataDir: string): object {
  const ipam = {
    ...{ type: "host-local", dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] },
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const bridge = { type: "bridge", bridge: "lab0", isGateway: true, ipMasq: true, ipam };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  return { cniVersion: "1.0.0", name: "lab", plugins: [bridge, portmap] };
}

function plain(dataDir: string): object {
  const ranges = [[{ subnet: "10.89.0.0/24" }], [{ subnet: "fd00:89::/64" }]];
  const ipam = { type: "host-local", dataDir, ranges };
  const bridge = { type: "bridge", bridge: "plain0", isDefaultGateway: true };
  return { cniVersion: "0.4.0", name: "plain", ...bridge, ipam };
}
