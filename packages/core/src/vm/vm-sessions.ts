import { parseInput, SessionId, type SessionInfo, SessionSpec } from "@bandsox/contract";
import { customAlphabet } from "nanoid";
import type { z } from "zod";
import { redialing } from "../guest/redial.ts";
import { getSession, listSessions, putSession } from "../guest/session-calls.ts";
import { Session } from "./session.ts";
import { type Command, commandArgv, type VmGuest } from "./vm-guest.ts";

/** Letters and digits only: an id is typed on a command line, where a dash in front is an option. */
const newId = customAlphabet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 21);

/** How to run a session; see `SessionSpec` for each field. */
export interface SessionOptions extends Omit<z.input<typeof SessionSpec>, "argv"> {
  signal?: AbortSignal;
}

interface StartedSession {
  readonly sessionId: string;
  readonly argv: readonly string[];
  readonly terminal: boolean;
}

/** The sessions of one VM. */
export class VmSessions {
  readonly #guest: VmGuest;
  readonly #onStarted: (started: StartedSession) => void;

  constructor(guest: VmGuest, onStarted: (started: StartedSession) => void = () => {}) {
    this.#guest = guest;
    this.#onStarted = onStarted;
  }

  /**
   * Starts a command that outlives its clients, once, however often the connection breaks meanwhile.
   *
   * @throws {BandSoxError} `exec_not_started`, `exec_busy`, `vm_wrong_state`, `guest_unreachable`, `interrupted`
   */
  async start(command: Command, options: SessionOptions = {}): Promise<Session> {
    const { signal, ...rest } = options;
    const spec = parseInput(SessionSpec, { argv: commandArgv(command), ...rest }, "session");
    // The id is ours, so a start that is repeated finds the session it has made already.
    const id = newId();
    await this.#guest.call(signal, (_, either) => {
      const start = async () => putSession({ endpoint: await this.#guest.endpoint(), id }, spec, either);
      return redialing(start, { signal: either });
    });
    this.#onStarted({ sessionId: id, argv: spec.argv, terminal: spec.terminal !== undefined });
    return new Session(this.#guest, id);
  }

  /** All sessions, the newest first; of the ended ones the newest 256. */
  async list(options: { signal?: AbortSignal } = {}): Promise<SessionInfo[]> {
    return this.#guest.call(options.signal, listSessions);
  }

  /** A session by its id. @throws {BandSoxError} `session_not_found` */
  async get(id: string, options: { signal?: AbortSignal } = {}): Promise<Session> {
    const parsed = parseInput(SessionId, id, "session");
    await this.#guest.call(options.signal, (endpoint, signal) =>
      getSession({ endpoint, id: parsed }, signal),
    );
    return new Session(this.#guest, parsed);
  }
}
