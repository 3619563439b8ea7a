import type { ExecEvent, ExecResult } from "@bandsox/contract";
import { BandSoxError } from "./error.ts";

/** The two ways a command can be run. */
export interface ExecWays {
  /** Runs it to its end on the server */
  run(): Promise<ExecResult>;
  /** Runs it and brings what it does as it does it */
  stream(): AsyncGenerator<ExecEvent, void, undefined>;
}

/**
 * A command about to run. Awaited, it runs to its end and gives its result with the output kept; iterated, it gives
 * its events as they happen, the last of them `exit`, and leaving the iteration early kills it. It starts when
 * either begins, and only one of the two is possible.
 */
export class ExecHandle implements PromiseLike<ExecResult>, AsyncIterableIterator<ExecEvent> {
  readonly #ways: ExecWays;
  #events: AsyncGenerator<ExecEvent, void, undefined> | undefined;
  #result: Promise<ExecResult> | undefined;

  constructor(ways: ExecWays) {
    this.#ways = ways;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting it is what it is for
  then<A = ExecResult, B = never>(
    onResult?: ((result: ExecResult) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#result ??= this.#events
      ? Promise.reject(usedAlready("iterated, so its output was not kept"))
      : this.#ways.run();
    return this.#result.then(onResult, onError);
  }

  next(): Promise<IteratorResult<ExecEvent, void>> {
    if (this.#result) return Promise.reject(usedAlready("awaited, so its events are gone"));
    this.#events ??= this.#ways.stream();
    return this.#events.next();
  }

  /** Ends the iteration, and kills the command if it still runs. */
  async return(): Promise<IteratorResult<ExecEvent, void>> {
    return (await this.#events?.return()) ?? { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function usedAlready(how: string): BandSoxError {
  const detail = `cannot use the exec again: it was ${how}`;
  const hint = "run the command again";
  const failure = { code: "invalid_argument", detail, details: { field: "exec", found: how }, hint } as const;
  return new BandSoxError({ ...failure, retryable: false }) as BandSoxError;
}
