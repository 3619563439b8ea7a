import { BandSoxError, type ExecEvent, type ExecResult } from "@bandsox/contract";
import { collect } from "./collect.ts";

/**
 * A command about to run. Awaited, it runs to its end and gives its result with the output kept; iterated, it gives
 * its events as they happen, the last of them `exit`, and leaving the iteration early kills it. It starts when
 * either begins, and only one of the two is possible.
 */
export class ExecHandle implements PromiseLike<ExecResult>, AsyncIterableIterator<ExecEvent> {
  readonly #events: AsyncGenerator<ExecEvent, void, undefined>;
  readonly #limitBytes: number | undefined;
  #iterated = false;
  #result: Promise<ExecResult> | undefined;

  constructor(events: AsyncGenerator<ExecEvent, void, undefined>, limitBytes: number | undefined) {
    this.#events = events;
    this.#limitBytes = limitBytes;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting it is what it is for
  then<A = ExecResult, B = never>(
    onResult?: ((result: ExecResult) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#result ??= this.#iterated
      ? Promise.reject(usedAlready("iterated, so its output was not kept"))
      : collect(this.#events, this.#limitBytes);
    return this.#result.then(onResult, onError);
  }

  next(): Promise<IteratorResult<ExecEvent, void>> {
    if (this.#result) return Promise.reject(usedAlready("awaited, so its events are gone"));
    this.#iterated = true;
    return this.#events.next();
  }

  /** Ends the iteration, and kills the command if it still runs. */
  return(): Promise<IteratorResult<ExecEvent, void>> {
    return this.#events.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function usedAlready(how: string): BandSoxError {
  const message = `cannot use the exec again: it was ${how}`;
  return new BandSoxError("invalid_argument", message, { field: "exec", found: how });
}
