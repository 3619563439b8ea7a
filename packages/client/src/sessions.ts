import type { SessionInfo } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/wire";
import type { Command } from "./exec.ts";
import { RemoteSession } from "./session.ts";
import type { Transport } from "./transport.ts";

/** How to run a session. */
export interface SessionOptions {
  cwd?: string | undefined;
  env?: Record<string, string> | undefined;
  user?: string | undefined;
  /** Time after which the command is killed, in ms (default: no limit) */
  timeoutMs?: number | undefined;
  /** Whether its stdin can be written (default: `false`) */
  stdin?: boolean | undefined;
  terminal?: { cols: number; rows: number; term?: string | undefined } | undefined;
  /** What is kept of each output stream, in bytes (default: 4 MiB) */
  journalBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** The sessions of one VM. */
export class RemoteSessions {
  readonly #transport: Transport;
  readonly #vm: string;

  constructor(transport: Transport, vm: string) {
    this.#transport = transport;
    this.#vm = vm;
  }

  /** Starts a command that outlives its clients, once, however often the connection breaks meanwhile. */
  async start(command: Command, options: SessionOptions = {}): Promise<RemoteSession> {
    const { timeoutMs: timeout_ms, journalBytes: journal_bytes, signal, ...rest } = options;
    const text = typeof command === "string" ? command : [...command];
    const body = { command: text, timeout_ms, journal_bytes, ...rest };
    const call = { params: { id: this.#vm }, body, signal, idempotencyKey: crypto.randomUUID() };
    const { id } = await this.#transport.call("POST /api/vms/:id/sessions", call);
    return new RemoteSession(this.#transport, { vm: this.#vm, id });
  }

  /** All sessions, the newest first; of the ended ones the newest 256. */
  async list({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<SessionInfo[]> {
    const call = { params: { id: this.#vm }, signal };
    return fromWire<SessionInfo[]>(await this.#transport.call("GET /api/vms/:id/sessions", call));
  }

  /** A session by its id. @throws {BandSoxError} `session_not_found` */
  async get(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<RemoteSession> {
    await this.#transport.call("GET /api/vms/:id/sessions/:session", {
      params: { id: this.#vm, session: id },
      signal,
    });
    return new RemoteSession(this.#transport, { vm: this.#vm, id });
  }
}
