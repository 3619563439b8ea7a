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
  for (const port of ports) {
    if (mapped.some((other) => collide(port, other))) throw taken(port, "it is another VM's");
    await tryListen(port);
  }
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
