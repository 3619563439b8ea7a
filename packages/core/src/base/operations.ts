import { BandSoxError } from "@bandsox/contract";
import { toStorageError } from "./storage-error.ts";

/** A part in the work on a storage. Disposing of it takes no part any more. */
export interface Attached extends Disposable {
  /** Fires when the caller's own signal does, or when the storage is closed */
  readonly signal: AbortSignal;
}

/**
 * The work under way in an open storage. Disposing of it refuses new work, interrupts what runs and waits for its
 * end, so that the storage can be closed under nobody.
 */
export class Operations implements AsyncDisposable {
  readonly #storageDir: string;
  readonly #attached = new Set<AbortController>();
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(storageDir: string) {
    this.#storageDir = storageDir;
  }

  /**
   * Runs one operation, which the closing of the storage interrupts and waits for. What the host says of a full or
   * unusable storage leaves here as an error of ours.
   *
   * @throws {BandSoxError} `storage_closed`, `disk_full`, `storage_unavailable`, and what `work` throws
   */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using attached = this.attach(signal);
    const running = work(attached.signal);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw toStorageError(error, this.#storageDir);
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * Takes part in the work without being waited for: for streams, whose reader decides when they go on.
   *
   * @throws {BandSoxError} `storage_closed`
   */
  attach(signal?: AbortSignal): Attached {
    if (this.#closed) {
      const message = `the storage ${this.#storageDir} was closed by this process`;
      throw new BandSoxError("storage_closed", message, { path: this.#storageDir });
    }
    const controller = new AbortController();
    this.#attached.add(controller);
    return {
      signal: signal ? AbortSignal.any([controller.signal, signal]) : controller.signal,
      [Symbol.dispose]: () => void this.#attached.delete(controller),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const controller of this.#attached) controller.abort();
    await Promise.allSettled(this.#running);
  }
}
