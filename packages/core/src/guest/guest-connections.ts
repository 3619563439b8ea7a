import type { VmId } from "@bandsox/contract";
import { Agent } from "undici";
import { dialAgent } from "./dial.ts";

/** More than a guest runs commands and transfers at a time; fewer than a supervisor carries */
const MAX_CONNECTIONS = 512;
/** Making one is most of a small call; but a VM is not idle for as long as one is kept, so that is not long */
const KEEP_MS = 1000;

/** Where a guest's agent is reached. */
export interface GuestEndpoint {
  readonly vmId: VmId;
  readonly socketPath: string;
  /** Keeps connections between calls (default: none is kept) */
  readonly connections?: GuestConnections | undefined;
}

/** The connections to one guest, for as long as somebody uses them. */
export interface AgentLease extends AsyncDisposable {
  readonly agent: Agent;
}

/** The connections to a guest: those that are kept, or else some of its own. */
export function leaseAgent(endpoint: GuestEndpoint): AgentLease {
  return endpoint.connections?.lease(endpoint) ?? openAgent(endpoint);
}

/**
 * Connections to guests that are kept between the calls of this process, by the socket a guest is reached at. They
 * end with their VMM, some time after their last use, or when this is disposed of, what is under way included.
 */
export class GuestConnections implements AsyncDisposable {
  readonly #kept = new Map<string, Kept>();

  lease(endpoint: GuestEndpoint): AgentLease {
    const kept = this.#kept.get(endpoint.socketPath) ?? this.#open(endpoint);
    clearTimeout(kept.timer);
    kept.users++;
    return { agent: kept.opened.agent, [Symbol.asyncDispose]: async () => this.#release(endpoint, kept) };
  }

  /** Whether a connection stands; one is closed by the end of its VMM. */
  isConnected({ socketPath }: Pick<GuestEndpoint, "socketPath">): boolean {
    return (this.#kept.get(socketPath)?.opened.connected() ?? 0) > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const { timer } of all) clearTimeout(timer);
    await Promise.all(all.map(({ opened }) => opened[Symbol.asyncDispose]()));
  }

  #open(endpoint: GuestEndpoint): Kept {
    const kept = { opened: openAgent(endpoint), users: 0, timer: undefined };
    this.#kept.set(endpoint.socketPath, kept);
    return kept;
  }

  #release({ socketPath }: GuestEndpoint, kept: Kept): void {
    kept.users--;
    if (kept.users > 0 || this.#kept.get(socketPath) !== kept) return;
    kept.timer = setTimeout(() => {
      this.#kept.delete(socketPath);
      void kept.opened[Symbol.asyncDispose]();
    }, KEEP_MS).unref();
  }
}

interface Kept {
  readonly opened: OpenAgent;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

interface OpenAgent extends AgentLease {
  /** How many connections there are */
  connected(): number;
}

/** Connections of their own for one endpoint; disposing ends them all, also those that are still being made. */
export function openAgent({ vmId, socketPath }: GuestEndpoint): OpenAgent {
  let connected = 0;
  const closing = new AbortController();
  const agent = new Agent({
    ...{ connections: MAX_CONNECTIONS, pipelining: 1, keepAliveTimeout: KEEP_MS },
    ...{ headersTimeout: 0, bodyTimeout: 0 },
    connect: (_options, callback) => {
      dialAgent({ vmId, socketPath, signal: closing.signal }).then(
        (socket) => {
          connected++;
          socket.once("close", () => connected--);
          callback(null, socket);
        },
        (error: Error) => callback(error, null),
      );
    },
  });
  return {
    agent,
    connected: () => connected,
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await agent.destroy();
    },
  };
}
