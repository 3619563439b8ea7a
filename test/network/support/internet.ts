import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** This machine's address on the way to the Internet. */
export const MACHINE = "192.0.2.2";
const ROUTER = "192.0.2.1";
const NAMESPACE = "internet";
/** What there is: two servers, a name server, a cloud's metadata service, a machine of a private network. */
const ADDRESSES = ["93.184.216.34", "1.1.1.1", "8.8.8.8", "169.254.169.254", "10.9.9.9"];

/** An Internet of this namespace's own: a router and servers in another, and names that lead to them. */
export async function openInternet(): Promise<AsyncDisposable> {
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

/** Everything networks consist of here, as text, to see what is left behind. */
export async function networkState(): Promise<string[]> {
  const [links, routes, rules, names, forwarding] = await Promise.all([
    execa("ip", ["-br", "link"]),
    execa("ip", ["route"]),
    execa("nft", ["list", "ruleset"]),
    execa("ip", ["netns", "list"]),
    execa("cat", ["/proc/sys/net/ipv4/ip_forward"]),
  ]);
  return [links, routes, rules, names, forwarding].map(({ stdout }) => stdout);
}

async function ip(...args: string[]): Promise<void> {
  await execa("ip", args);
}

async function inside(...args: string[]): Promise<void> {
  await execa("ip", ["netns", "exec", NAMESPACE, ...args]);
}
