import { type ExecExit, isBandSoxError, type TerminalSize } from "@bandsox/contract";
import { terminalOutput } from "@bandsox/contract/wire";
import type { Session } from "./session.ts";
import type { Command } from "./vm-guest.ts";
import type { SessionOptions, VmSessions } from "./vm-sessions.ts";

const DEFAULT_SIZE = { cols: 80, rows: 24 };

/** How to open a terminal. */
export interface TerminalOptions
  extends Pick<SessionOptions, "cwd" | "env" | "user" | "timeoutMs" | "signal"> {
  /** Columns (default: `80`) */
  cols?: number;
  /** Rows (default: `24`) */
  rows?: number;
  /** `TERM` in the guest (default: `xterm-256color`) */
  term?: string;
  /** What to run (default: the user's login shell) */
  command?: Command;
}

/** Where in a terminal's output a view begins. */
interface TerminalView {
  readonly from?: number | "end";
  /** Offset of what nobody has seen yet */
  readonly liveFrom?: number;
}

/**
 * A view of a command on a terminal. The session behind it lives on when the view is left, and any number of views
 * may be open at the same time.
 */
export class Terminal implements AsyncDisposable {
  /** The session's id, to attach another view by */
  readonly id: string;
  readonly #session: Session;
  readonly #from: number | "end";
  readonly #liveFrom: number;
  readonly #left = new AbortController();

  constructor(session: Session, { from = 0, liveFrom = 0 }: TerminalView = {}) {
    this.id = session.id;
    this.#session = session;
    this.#from = from;
    this.#liveFrom = liveFrom;
  }

  /** The session behind it: its signals, its exit, its end. */
  get session(): Session {
    return this.#session;
  }

  /** What the command prints, as bytes; ends when the command has ended or `detach` was called. */
  get output(): AsyncIterable<Uint8Array> {
    return this.#output();
  }

  /** Writes as if typed. Resolves when the terminal took it. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#session.write(data);
  }

  async resize(size: TerminalSize): Promise<void> {
    await this.#session.resize(size);
  }

  /** How the command ended, as soon as it has. */
  async exit(options: { signal?: AbortSignal } = {}): Promise<ExecExit> {
    return this.#session.wait(options);
  }

  /** Leaves the view: its output ends, the command goes on. */
  detach(): void {
    this.#left.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach();
  }

  async *#output(): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal } = this.#left;
    try {
      const events = this.#session.attach({ stdout: this.#from, signal });
      yield* terminalOutput(events, this.#liveFrom);
    } catch (error) {
      if (!signal.aborted || !isBandSoxError(error, "interrupted")) throw error;
    }
  }
}

/** Starts a command on a terminal of its own. */
export async function openTerminal(sessions: VmSessions, options: TerminalOptions = {}): Promise<Terminal> {
  const { cols = DEFAULT_SIZE.cols, rows = DEFAULT_SIZE.rows, term, command = [], ...rest } = options;
  const terminal = { cols, rows, ...(term === undefined ? {} : { term }) };
  return new Terminal(await sessions.start(command, { ...rest, stdin: true, terminal }));
}

/** Another view of a terminal that exists. @throws {BandSoxError} `session_not_found` */
export async function attachTerminal(session: Session, from: number | "end"): Promise<Terminal> {
  const { stdout } = await session.info();
  return new Terminal(session, { from, liveFrom: stdout.to });
}
