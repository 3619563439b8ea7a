import type { ExecExit, SessionEvent, SessionGap, SessionInfo, TerminalSize } from "@bandsox/contract";
import { API_FRAMES, type ApiFrame, fromWire } from "@bandsox/contract/wire";
import { interrupted } from "./error.ts";
import { frameJson, toBase64 } from "./exec.ts";
import { ChannelClosed, FrameChannel } from "./frame-channel.ts";
import { Reconnecting } from "./reconnecting.ts";
import type { Transport } from "./transport.ts";

/** Where to begin, and until when. */
export interface AttachOptions {
  /** Offset in stdout to begin at, or `end` for what is to come (default: `0`) */
  stdout?: number | "end" | undefined;
  /** The same for stderr */
  stderr?: number | "end" | undefined;
  /** Ends the attachment, not the session */
  signal?: AbortSignal | undefined;
}

interface Abortable {
  signal?: AbortSignal | undefined;
}
interface Begun {
  readonly stdout: number;
  readonly stderr: number;
}

/** A command in a VM that outlives its clients, and the server. A handle costs nothing. */
export class RemoteSession {
  readonly id: string;
  readonly #transport: Transport;
  readonly #vm: string;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, { vm, id }: { vm: string; id: string }) {
    this.#transport = transport;
    this.#vm = vm;
    this.id = id;
  }

  /** What is known of it now. @throws {BandSoxError} `session_not_found` */
  async info({ signal }: Abortable = {}): Promise<SessionInfo> {
    const call = { ...this.#at, signal };
    return fromWire<SessionInfo>(await this.#transport.call("GET /api/vms/:id/sessions/:session", call));
  }

  /**
   * Its output from the offsets on, and then as it comes; the last event is `exit`. A connection that breaks is made
   * again where it broke, also to a server that was restarted. Output the session's journal no longer holds is told as
   * `gap`. Leaving the iteration leaves the session alone.
   */
  async *attach({
    stdout = 0,
    stderr = 0,
    signal,
  }: AttachOptions = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const left = new AbortController();
    const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
    const reconnecting = new Reconnecting();
    const offsets = { stdout, stderr };
    try {
      for (;;) {
        try {
          for await (const event of this.#events(offsets, either)) {
            reconnecting.progressed();
            yield event;
            if (event.type === "exit") return;
          }
          throw new ChannelClosed(1006, "before the session ended");
        } catch (error) {
          if (signal?.aborted) throw interrupted("the session's output", error);
          await reconnecting.after(error, either);
        }
      }
    } finally {
      left.abort();
    }
  }

  /** Writes to its stdin, in the order of the calls. @throws {BandSoxError} `stdin_closed` */
  async write(data: string | Uint8Array, { signal }: Abortable = {}): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (bytes.length > 0) await this.#input({ data: toBase64(bytes) }, signal);
  }

  /** Closes its stdin, after what was written before. */
  async closeStdin(): Promise<void> {
    await this.#input({ close: true });
  }

  /** Sends a signal, e.g. `SIGINT`, to its process group. @throws {BandSoxError} `session_ended` */
  async signal(name: string): Promise<void> {
    const call = { ...this.#at, body: { signal: name } };
    await this.#transport.call("POST /api/vms/:id/sessions/:session/signal", call);
  }

  /** Changes the size of its terminal. @throws {BandSoxError} `not_a_terminal` */
  async resize({ cols, rows }: TerminalSize): Promise<void> {
    const call = { ...this.#at, body: { cols, rows } };
    await this.#transport.call("POST /api/vms/:id/sessions/:session/resize", call);
  }

  /** How it ended, as soon as it has. */
  async wait({ signal }: Abortable = {}): Promise<ExecExit> {
    const call = { ...this.#at, signal, timeoutMs: 0 };
    return fromWire<ExecExit>(await this.#transport.call("GET /api/vms/:id/sessions/:session/exit", call));
  }

  /** Ends its process group at once. The session stays, with its exit and its output. */
  async kill(): Promise<void> {
    await this.signal("SIGKILL");
  }

  /** Ends its process group if it lives, and forgets the session with its output. */
  async delete(): Promise<void> {
    await this.#transport.call("DELETE /api/vms/:id/sessions/:session", this.#at);
  }

  /** One connection's events; keeps the offsets that were reached. */
  async *#events(
    offsets: { stdout: number | "end"; stderr: number | "end" },
    signal: AbortSignal,
  ): AsyncGenerator<SessionEvent, void, undefined> {
    const { id, session } = this.#at.params;
    const query = `stdout=${offsets.stdout}&stderr=${offsets.stderr}`;
    const path = `/api/vms/${encodeURIComponent(id)}/sessions/${encodeURIComponent(session)}/attach?${query}`;
    using channel = await FrameChannel.open(this.#transport, path);
    const leave = () => channel[Symbol.dispose]();
    signal.addEventListener("abort", leave, { once: true });
    try {
      if (signal.aborted) return;
      for await (const message of channel.messages()) {
        if (typeof message === "string") continue;
        if (message.kind === API_FRAMES.begun) {
          Object.assign(offsets, beginOf(message));
          continue;
        }
        const event = toSessionEvent(message, offsets as Begun);
        if (!event) continue;
        if (event.type === "stdout" || event.type === "stderr")
          offsets[event.type] = event.offset + event.data.length;
        else if (event.type === "gap") offsets[event.stream] = event.to;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async #input(body: { data?: string; close?: boolean }, signal?: AbortSignal): Promise<void> {
    const send = () =>
      this.#transport.call("POST /api/vms/:id/sessions/:session/stdin", {
        ...this.#at,
        body,
        signal,
        timeoutMs: 0,
      });
    const sending = this.#writing.then(send, send);
    this.#writing = sending;
    await sending;
  }

  get #at(): { readonly params: { readonly id: string; readonly session: string } } {
    return { params: { id: this.#vm, session: this.id } };
  }
}

function beginOf({ data }: ApiFrame): Begun {
  const { stdout, stderr } = frameJson<Begun>(data);
  return { stdout, stderr };
}

function toSessionEvent({ kind, data }: ApiFrame, offsets: Begun): SessionEvent | undefined {
  if (kind === API_FRAMES.stdout) return { type: "stdout", offset: offsets.stdout, data };
  if (kind === API_FRAMES.stderr) return { type: "stderr", offset: offsets.stderr, data };
  if (kind === API_FRAMES.gap) return { type: "gap", ...fromWire<SessionGap>(frameJson(data)) };
  if (kind === API_FRAMES.exit) return { type: "exit", ...fromWire<ExecExit>(frameJson(data)) };
  return undefined;
}
