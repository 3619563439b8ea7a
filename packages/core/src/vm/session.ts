import { setTimeout as pause } from "node:timers/promises";
import {
  type ExecExit,
  parseInput,
  type SessionEvent,
  type SessionInfo,
  type SessionStream,
  TerminalSize,
} from "@bandsox/contract";
import { z } from "zod";
import { attachSession } from "../guest/attach.ts";
import { redialing } from "../guest/redial.ts";
import {
  awaitSession,
  deleteSession,
  getSession,
  resizeSession,
  type SessionAddress,
  signalSession,
  writeSession,
} from "../guest/session-calls.ts";
import { SessionInput } from "../guest/session-input.ts";
import type { VmGuest } from "./vm-guest.ts";

const WAIT_MS = 30_000;
/** A guest that answers at once, each time, is asked no more often than this. */
const WAIT_PAUSE_MS = 100;

const Begin = z.union([z.literal("end"), z.int().min(0)]);
const AttachFrom = z.object({ stdout: Begin.default(0), stderr: Begin.default(0) });
const SignalName = z.string().regex(/^SIG[A-Z0-9+-]{1,16}$/, "a signal is named as in SIGINT");

/** Where to begin, and until when. */
export interface AttachOptions {
  /** Offset in stdout to begin at, or `end` for what is to come (default: `0`) */
  stdout?: number | "end";
  /** The same for stderr */
  stderr?: number | "end";
  /** Ends the attachment, not the session */
  signal?: AbortSignal;
}

/**
 * A command in a VM that outlives its clients. A handle costs nothing: the session lives on without it, and any
 * other process can get it by its id.
 */
export class Session {
  readonly id: string;
  readonly #guest: VmGuest;
  readonly #input: SessionInput;

  constructor(guest: VmGuest, id: string) {
    this.id = id;
    this.#guest = guest;
    this.#input = new SessionInput((input) =>
      this.#call(input.signal, (address, signal) => writeSession(address, { ...input, signal })),
    );
  }

  /** What is known of it now. @throws {BandSoxError} `session_not_found` */
  async info(options: { signal?: AbortSignal } = {}): Promise<SessionInfo> {
    return this.#call(options.signal, getSession);
  }

  /**
   * Its output from the offsets on, and then as it comes; the last event is `exit`. A connection that breaks is made
   * again where it broke. Output the session's journal no longer holds is told as `gap`. Leaving the iteration
   * leaves the session alone.
   */
  async *attach(options: AttachOptions = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const { signal, ...from } = options;
    const begin = parseInput(AttachFrom, from, "attach");
    const isAtEnd = begin.stdout === "end" || begin.stderr === "end";
    const info = isAtEnd ? await this.info(signal ? { signal } : {}) : undefined;
    const at = (stream: SessionStream) => {
      const given = begin[stream];
      return given === "end" ? (info?.[stream].to ?? 0) : given;
    };
    const offsets = { stdout: at("stdout"), stderr: at("stderr") };
    using attached = this.#guest.attach(signal);
    yield* attachSession(() => this.#address(), { from: offsets, signal: attached.signal });
  }

  /**
   * Writes to its stdin, in the order of the calls, and resolves when the command's pipe took it. A write whose
   * connection breaks rejects and is not repeated: nobody knows how much of it arrived.
   *
   * @throws {BandSoxError} `stdin_closed`
   */
  async write(data: string | Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (bytes.length > 0) await this.#input.write(bytes, options.signal);
  }

  /** Closes its stdin, after what was written before. */
  async closeStdin(): Promise<void> {
    await this.#input.close();
  }

  /** Sends a signal, e.g. `SIGINT`, to its process group. @throws {BandSoxError} `session_ended` */
  async signal(name: string): Promise<void> {
    const parsed = parseInput(SignalName, name, "signal");
    await this.#call(undefined, (address, signal) => signalSession(address, parsed, signal));
  }

  /** Changes the size of its terminal. @throws {BandSoxError} `not_a_terminal` */
  async resize(size: TerminalSize): Promise<void> {
    const parsed = parseInput(TerminalSize, size, "terminal");
    await this.#call(undefined, (address, signal) => resizeSession(address, parsed, signal));
  }

  /** How it ended, as soon as it has. */
  async wait({ signal }: { signal?: AbortSignal } = {}): Promise<ExecExit> {
    return this.#call(signal, async (_, either) => {
      for (;;) {
        const poll = async () => awaitSession(await this.#address(), { forMs: WAIT_MS, signal: either });
        const { exit } = await redialing(poll, { signal: either });
        if (exit) return exit;
        await pause(WAIT_PAUSE_MS, undefined, { signal: either }).catch(() => {});
      }
    });
  }

  /** Ends its process group at once. The session stays, with its exit and its output. */
  async kill(): Promise<void> {
    await this.signal("SIGKILL");
  }

  /** Ends its process group if it lives, and forgets the session with its output. */
  async delete(): Promise<void> {
    await this.#call(undefined, deleteSession);
  }

  #call<T>(
    signal: AbortSignal | undefined,
    work: (address: SessionAddress, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#guest.call(signal, (endpoint, either) => work({ endpoint, id: this.id }, either));
  }

  async #address(): Promise<SessionAddress> {
    return { endpoint: await this.#guest.endpoint(), id: this.id };
  }
}
