import { type BandSoxError, type ExecEvent, isBandSoxError } from "@bandsox/contract";
import { nanoid } from "nanoid";
import { z } from "zod";
import { callGuest } from "./call.ts";
import type { CallLimit } from "./call-limit.ts";
import { hasReachedNobody, isSocketGone } from "./dial.ts";
import { FrameDuplex, type FrameDuplexOptions } from "./duplex.ts";
import { toExecEvent } from "./exec-event.ts";
import { ExecReceipts, receiptBytes } from "./exec-receipts.ts";
import { explainFailure, guestUnreachable } from "./failure.ts";
import type { Frame } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { Redial, redialing } from "./redial.ts";
import { socketLife } from "./socket-life.ts";

/** The header by which a client names an exec, and an agent that would wait for the client says the name again. */
export const EXEC_ID_HEADER = "x-exec-id";
const GOODBYE_TIMEOUT_MS = 1000;
/** A connection that has stood for so long got somewhere, whether or not the command had anything to say */
const STOOD_MS = 250;

/** A connection that carries what a command does. */
export interface ExecConnection extends Disposable {
  /** Once */
  frames(): AsyncIterable<Frame>;
  /** Whether the guest keeps the command when the connection breaks; an older agent does not */
  readonly isKept: boolean;
  /** After how many bytes of frames a guest that keeps them is told that they have come */
  readonly receiptBytes: number;
}

export interface ExecLineOptions {
  readonly endpoint: GuestEndpoint;
  readonly limit: CallLimit;
  /** Starts the command under an id; called again, with another, only when the guest will never start the one before */
  start(id: string): Promise<ExecConnection>;
  /** How it is gone on with on another connection */
  readonly duplex?: Pick<FrameDuplexOptions, "window">;
  /** Told each connection that takes the place of another. @returns whether stdin got on over the one before */
  onResumed?(duplex: FrameDuplex): boolean;
  /** Why the command is not wanted any more, whatever its connection does */
  failure?(): unknown;
}

/**
 * What a command does, over as many connections as it takes: one that breaks is made again and goes on where it was. The
 * command is started once, and killed when the iteration is left.
 */
export async function* execLine(options: ExecLineOptions): AsyncGenerator<ExecEvent, void, undefined> {
  const redial = new Redial();
  const life = await socketLife(options.endpoint.socketPath);
  for (;;) {
    try {
      return yield* lineOf({ ...options, id: nanoid() });
    } catch (error) {
      if (!(error instanceof NeverStarted)) throw error;
      // One that is another by now, rolled back or started again, knows nothing of what the one before did.
      if (!life || life !== (await socketLife(options.endpoint.socketPath))) throw error.cause;
      await redial.after(error.cause, options.limit.signal);
    }
  }
}

/** An exec, named. */
interface NamedExec extends ExecLineOptions {
  /** Never used twice */
  readonly id: string;
}

/** The guest has no such command and has promised never to start it: nothing is known to have happened. */
class NeverStarted extends Error {}

async function* lineOf(options: NamedExec): AsyncGenerator<ExecEvent, void, undefined> {
  const { endpoint, id, limit } = options;
  using receipts = new ExecReceipts({ endpoint, id, signal: limit.signal });
  const line = new Attempts(options, receipts);
  let isThrough = false;
  try {
    for (;;) {
      try {
        using connection = await line.next();
        receipts.on(connection);
        for await (const frame of connection.frames()) {
          line.succeeded();
          receipts.add(frame);
          limit.pause();
          const event = toExecEvent(frame);
          isThrough = event.type === "exit";
          yield event;
          if (isThrough) return;
          limit.resume();
        }
        throw guestUnreachable(endpoint.vmId, "it ended before the command did");
      } catch (error) {
        await line.failed(error);
      }
    }
  } finally {
    if (line.needsGoodbye && (!isThrough || receipts.isLarge)) await sayGoodbye(options);
  }
}

/** Decides whether there is another connection after one that broke, and makes it. */
class Attempts {
  /** Whether the guest has to be told that nothing more is wanted of the command */
  needsGoodbye = false;
  readonly #options: NamedExec;
  readonly #receipts: ExecReceipts;
  readonly #redial = new Redial();
  #isKept: boolean | undefined;
  /** How the start failed, when it is not known whether it reached the guest */
  #doubt: BandSoxError | undefined;
  #isStarted = false;
  /** When the newest connection came about */
  #since = Number.POSITIVE_INFINITY;
  #isLost = false;

  constructor(options: NamedExec, receipts: ExecReceipts) {
    this.#options = options;
    this.#receipts = receipts;
  }

  succeeded(): void {
    this.#redial.succeeded();
  }

  async next(): Promise<ExecConnection> {
    const connection = this.#isStarted ? await this.#resume() : await this.#start();
    this.#isKept = connection.isKept;
    this.needsGoodbye = connection.isKept;
    this.#since = performance.now();
    return connection;
  }

  /** Waits until the next attempt. @throws when there is none: why the command's end is not known */
  async failed(error: unknown): Promise<void> {
    const { endpoint, limit } = this.#options;
    const unwanted = this.#options.failure?.();
    if (unwanted !== undefined) throw unwanted;
    const failure = explainFailure(error, { vmId: endpoint.vmId, limit });
    if (this.#isKept === undefined && !this.#doubt && !limit.signal.aborted) {
      if (!isBandSoxError(failure, "guest_unreachable") || hasReachedNobody(failure)) {
        this.needsGoodbye = false;
        throw failure;
      }
      this.#doubt = failure;
    }
    if (this.#isLost && this.#unlessKept() && (await isNeverStarted(this.#options))) {
      throw new NeverStarted("its start broke off", { cause: this.#doubt });
    }
    const isOver = limit.signal.aborted || this.#isLost || isSocketGone(failure) || this.#isKept === false;
    if (isSocketGone(failure)) this.needsGoodbye = false;
    if (isOver) throw limit.signal.aborted ? failure : (this.#unlessKept() ?? failure);
    if (performance.now() - this.#since > STOOD_MS) this.#redial.succeeded();
    this.#since = Number.POSITIVE_INFINITY;
    await this.#redial.after(failure, limit.signal).catch((last: unknown) => {
      throw this.#unlessKept() ?? last;
    });
  }

  #unlessKept(): BandSoxError | undefined {
    return this.#isKept === undefined ? this.#doubt : undefined;
  }

  #start(): Promise<ExecConnection> {
    this.#isStarted = true;
    this.needsGoodbye = true;
    return this.#options.start(this.#options.id);
  }

  async #resume(): Promise<ExecConnection> {
    const { endpoint, id, limit, duplex, onResumed } = this.#options;
    const { vmId } = endpoint;
    const lost = () => {
      this.#isLost = true;
      this.needsGoodbye = false;
      return guestUnreachable(vmId, "the command's connection broke, and the guest knows it no longer");
    };
    const resumed = await FrameDuplex.open(endpoint, {
      ...{ method: "GET", path: `/v1/execs/${id}?from=${this.#receipts.position}`, signal: limit.signal },
      // `not_found`: an agent from before there was such a call, whose connection broke before it could say so.
      refusals: { exec_not_found: lost, not_found: lost, offset_ahead: lost },
      ...duplex,
    });
    try {
      if (onResumed?.(resumed)) this.#redial.succeeded();
    } catch (error) {
      resumed[Symbol.dispose]();
      throw error;
    }
    this.#receipts.resumed();
    return {
      ...{ isKept: true, receiptBytes: receiptBytes(resumed.headers) },
      frames: () => resumed.frames(),
      [Symbol.dispose]: () => resumed[Symbol.dispose](),
    };
  }
}

const Nothing = z.unknown();

/** Says that nothing more is wanted of a command. A guest that does not hear it ends the command some time later. */
async function sayGoodbye({ endpoint, id }: NamedExec): Promise<void> {
  const call = { method: "DELETE", path: `/v1/execs/${id}`, timeoutMs: GOODBYE_TIMEOUT_MS } as const;
  await callGuest(endpoint, call, Nothing).catch(() => {});
}

/** Has a guest that knows of no such command never start it. @returns whether it will not, and did not */
async function isNeverStarted({ endpoint, id, limit: { signal } }: NamedExec): Promise<boolean> {
  const never = guestUnreachable(endpoint.vmId, "the command's start broke off");
  const refusals = { exec_never_started: () => never };
  const call = { method: "DELETE", path: `/v1/execs/${id}`, signal, refusals } as const;
  return await redialing(() => callGuest(endpoint, call, Nothing), { signal }).then(
    () => false,
    (error: unknown) => error === never,
  );
}
