import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** This machine's address on the way to the Internet. */
export const MACHINE = "192.0.2.2";
/** The same for IPv6, where it is asked for. */
export const MACHINE6 = "2001:db8::2";
const ROUTER6 = "2001:db8::1";
const ROUTER = "192.0.2.1";
const NAMESPACE = "internet";
/** What there is: two servers, a name server, a cloud's metadata service, a machine of a private network. */
const ADDRESSES6 = ["2606:2800:220::34", "2606:4700::1111", "fd00:10::9"];
const ADDRESSES = ["93.184.216.34", "1.1.1.1", "8.8.8.8", "169.254.169.254", "10.9.9.9"];

/** An Internet of this namespace's own: a router and servers in another, and names that lead to them. */
export async function openInternet({ ipv6 = false } = {}): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  await ip("netns", "add", NAMESPACE);
  opening.defer(() => ip("netns", "delete", NAMESPACE));
  await ip("link", "add", "wan0", "type", "veth", "peer", "name", "lan0", "netns", NAMESPACE);
  opening.defer(() => ip("link", "delete", "wan0"));
  await ip("address", "add", `${MACHINE}/24`, "dev", "wan0");
  await ip("link", "set", "wan0", "up");
  await inside("ip", "link", "set", "lo", "up");
  await inside("ip", "address", "add", `${ROUTER}/24`, "dev", "lan0");
  await inside("ip", "link", "set", "lan0", "up");
  for (const address of ADDRESSES) await inside("ip", "address", "add", `${address}/32`, "dev", "lo");
  await ip("route", "add", "default", "via", ROUTER);
  if (ipv6) await openIpv6();
  await writeFile("/etc/resolv.conf", "nameserver 8.8.8.8\n");
  const servers = spawn(
    "ip",
    ["netns", "exec", NAMESPACE, process.execPath, join(import.meta.dirname, "servers.ts")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  opening.defer(async () => {
    const gone = once(servers, "exit");
    servers.kill("SIGKILL");
    await gone;
  });
  await once(servers.stdout, "data");
  const all = opening.move();
  return { [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Addresses without the wait for others that might have them. */
async function openIpv6(): Promise<void> {
  await ip("-6", "address", "add", `${MACHINE6}/64`, "dev", "wan0", "nodad");
  await inside("ip", "-6", "address", "add", `${ROUTER6}/64`, "dev", "lan0", "nodad");
  for (const address of ADDRESSES6)
    await inside("ip", "-6", "address", "add", `${address}/128`, "dev", "lo", "nodad");
  await ip("-6", "route", "add", "default", "via", ROUTER6);
}

/** Everything networks consist of here, as text, to see what is left behind. */
export async function networkState(): Promise<string[]> {
  const [links, routes, rules, names, forwarding] = await Promise.all([
    execa("ip", ["-br", "link"]),
    execa("ip", ["route"]),
    execa("nft", ["list", "ruleset"]),
    execa("ip", ["netns", "list"]),
    execa("cat", ["/proc/sys/net/ipv4/ip_forward"]),
  ]);
  return [links, routes, rules, names, forwarding].map(({ stdout }) => withoutCarrier(stdout));
}

/**
 * Leaves out whether anything is at the other end of a link: of a bridge that a CNI plugin leaves here the kernel says so up to a
 * second after the last of it has gone.
 */
function withoutCarrier(state: string): string {
  return state.replace(/^(\S+ +)(UP|DOWN|UNKNOWN) +/gm, "$1").replace(/NO-CARRIER,|,LOWER_UP| linkdown/g, "");
}

async function ip(...args: string[]): Promise<void> {
  await execa("ip", args);
}

async function inside(...args: string[]): Promise<void> {
  await execa("ip", ["netns", "exec", NAMESPACE, ...args]);
}
