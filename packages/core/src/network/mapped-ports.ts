import { once } from "node:events";
import { createServer } from "node:net";
import { BandSoxError, type PublishedPort } from "@bandsox/contract";
import type { PortMapping } from "./cni-helper.ts";

/** The published ports that a chain is told of. For those of any free number the VM's supervisor listens: it can tell which. */
export function mappedByChain(
  ports: readonly PublishedPort[],
  { mapsPorts }: { mapsPorts: boolean },
): PublishedPort[] {
  return mapsPorts ? ports.filter(({ host }) => host !== 0) : [];
}

/** Ports as plugins are told of them; they take an unspecified address for one of its own. */
export function portMappings(ports: readonly PublishedPort[]): PortMapping[] {
  return ports.map(({ host, guest, address }) => ({
    ...{ hostPort: host, containerPort: guest, protocol: "tcp" },
    ...(isUnspecified(address) ? {} : { hostIP: address }),
  }));
}

/**
 * Makes sure that ports are nobody's: a chain takes them away from whoever listens there.
 *
 * @param mapped ports that chains publish for other VMs, whom nobody is seen to listen for
 * @throws {BandSoxError} `port_unavailable`
 */
export async function assertUnpublished(
  ports: readonly PublishedPort[],
  mapped: readonly PublishedPort[],
): Promise<void> {
  assertNotMapped(ports, mapped);
  for (const [index, port] of ports.entries()) {
    if (ports.slice(0, index).some((other) => collide(port, other)))
      throw taken(port, "it is asked for twice");
    await tryListen(port);
  }
}

/** Makes sure that no chain leads a port elsewhere: whoever listens there would hear nothing. @throws {BandSoxError} `port_unavailable` */
export function assertNotMapped(ports: readonly PublishedPort[], mapped: readonly PublishedPort[]): void {
  const lost = ports.find((port) => port.host !== 0 && mapped.some((other) => collide(port, other)));
  if (lost) throw taken(lost, "it is another VM's");
}

function collide(one: PublishedPort, other: PublishedPort): boolean {
  const isSame = one.address === other.address || [one, other].some(({ address }) => isUnspecified(address));
  return one.host === other.host && isSame;
}

async function tryListen(port: PublishedPort): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen({ port: port.host, host: port.address, exclusive: true }), "listening");
  } catch (error) {
    throw taken(port, (error as Error).message);
  } finally {
    server.close();
  }
}

function isUnspecified(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function taken({ address, host }: PublishedPort, reason: string): BandSoxError {
  const where = address.includes(":") ? `[${address}]:${host}` : `${address}:${host}`;
  return new BandSoxError("port_unavailable", `cannot publish a port at ${where}: ${reason}`, {
    address: where,
  });
}
