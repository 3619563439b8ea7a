import { z } from "zod";
import { callGuest } from "./call.ts";
import { FRAME_HEADER_BYTES, type Frame } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { redialing } from "./redial.ts";

/** Half of what a guest keeps (PROTOCOL.md §5): it never has to wait for a client that reads */
const RECEIPT_BYTES = 1_048_576;
const Nothing = z.unknown();

export interface ReceiptsOptions {
  readonly endpoint: GuestEndpoint;
  readonly id: string;
  readonly signal: AbortSignal;
}

/** Counts what has come of a command's frames, and tells the guest now and then, which keeps them until then. */
export class ExecReceipts {
  /** Where the next frame begins */
  position = 0;
  readonly #options: ReceiptsOptions;
  #told = 0;
  #isTelling = false;
  #connection: Disposable | undefined;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /** Whether the guest keeps so much that it is worth a word when the command has ended. */
  get isLarge(): boolean {
    return this.position >= RECEIPT_BYTES;
  }

  /** The connection the frames come on from now; what cannot be told breaks it, for the next one tells it too. */
  on(connection: Disposable & { readonly isKept: boolean }): void {
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

  #isDue(): boolean {
    return this.position - this.#told >= RECEIPT_BYTES;
  }

  async #tell(): Promise<void> {
    const { endpoint, id, signal } = this.#options;
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
    } catch {
      connection?.[Symbol.dispose]();
    } finally {
      this.#isTelling = false;
    }
  }
}
