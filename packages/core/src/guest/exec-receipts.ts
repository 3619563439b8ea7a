import type { IncomingHttpHeaders } from "node:http";
import { isBandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { callGuest } from "./call.ts";
import { FRAME_HEADER_BYTES, type Frame } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { redialing } from "./redial.ts";

const WINDOW_HEADER = "x-exec-window";
/** The least a guest keeps, and the most it can make this side wait with a receipt */
const WINDOW_BYTES = { least: 524_288, most: 16_777_216 };
const Nothing = z.unknown();

/**
 * After how many bytes the guest is told: half of what it says it keeps (PROTOCOL.md §5), so that it never has to wait for
 * a client that reads.
 */
export function receiptBytes(headers: IncomingHttpHeaders): number {
  const said = Number(headers[WINDOW_HEADER] ?? WINDOW_BYTES.least);
  const window = said >= WINDOW_BYTES.least && said <= WINDOW_BYTES.most ? said : WINDOW_BYTES.least;
  return window / 2;
}

export interface ReceiptsOptions {
  readonly endpoint: GuestEndpoint;
  readonly id: string;
  readonly signal: AbortSignal;
}

/** Counts what has come of a command's frames, and tells the guest now and then, which keeps them until then. */
export class ExecReceipts implements Disposable {
  /** Where the next frame begins */
  position = 0;
  readonly #options: ReceiptsOptions;
  #told = 0;
  #every = WINDOW_BYTES.least / 2;
  #isTelling = false;
  #connection: Disposable | undefined;
  readonly #isOver = new AbortController();

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** Whether the guest keeps so much that it is worth a word when the command has ended. */
  get isLarge(): boolean {
    return this.position >= this.#every;
  }

  /** The connection the frames come on from now; what cannot be told breaks it, for the next one tells it too. */
  on(connection: Disposable & { readonly isKept: boolean; readonly receiptBytes: number }): void {
    this.#every = connection.receiptBytes;
    this.#connection = connection.isKept ? connection : undefined;
  }

  /** The guest knows the position. */
  resumed(): void {
    this.#told = this.position;
  }

  add({ data }: Frame): void {
    this.position += FRAME_HEADER_BYTES + data.length;
    if (this.#connection && !this.#isTelling && this.#isDue()) void this.#tell();
  }

  /** Ends what is being told. */
  [Symbol.dispose](): void {
    this.#connection = undefined;
    this.#isOver.abort();
  }

  #isDue(): boolean {
    return this.position - this.#told >= this.#every;
  }

  async #tell(): Promise<void> {
    const { endpoint, id } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, this.#isOver.signal]);
    const connection = this.#connection;
    this.#isTelling = true;
    try {
      // All the guest may send can have come before it has answered; then no frame follows until it is told of that.
      while (this.#isDue()) {
        const { position } = this;
        const path = `/v1/execs/${id}/received?bytes=${position}`;
        // A guest may be paused for days with a call under way.
        const call = { method: "POST", path, timeoutMs: Number.POSITIVE_INFINITY, signal } as const;
        await redialing(() => callGuest(endpoint, call, Nothing), { signal });
        this.#told = Math.max(this.#told, position);
      }
    } catch (error) {
      // A guest that refuses has ended the command and needs to know no more: what is left of it is on its way here.
      if (isBandSoxError(error, "guest_unreachable")) connection?.[Symbol.dispose]();
      else this.#connection = undefined;
    } finally {
      this.#isTelling = false;
    }
  }
}
