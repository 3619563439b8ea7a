import type { RouteAnswer, RouteKey } from "@bandsox/contract/api";
import { eventLine } from "../event-lines.ts";
import { toBandSoxError, toProblem } from "../problem.ts";
import { type Call, Streamed } from "../route.ts";

const QUEUE_MAX = 1024;

/** Tells one thing that happened on the way. */
export type Tell = (event: object) => void;

/**
 * Answers long work: as JSON when it is done, or, for who wants that, with what happens as lines. The last line is of
 * the type `result` or `error`, for the status was sent before anything was known.
 */
export async function progressAnswer<K extends RouteKey>(
  { wanted, signal, request }: Call<K>,
  work: (tell: Tell, signal: AbortSignal) => Promise<RouteAnswer<K>>,
): Promise<RouteAnswer<K> | Streamed> {
  if (wanted === undefined) return work(() => {}, signal);
  const lines = new Lines();
  const done = work((event) => lines.add(event), signal).then(
    (result) => lines.end({ type: "result", result }),
    (error: unknown) =>
      lines.end({ type: "error", error: toProblem(toBandSoxError(error, request), request.id) }),
  );
  const line = eventLine(wanted);
  async function* body() {
    for await (const event of lines) yield line(event);
    await done;
  }
  return Streamed.live(wanted, body());
}

/** What is to be told, until it is. A reader that falls behind misses progress, never the end. */
class Lines implements AsyncIterable<object> {
  readonly #waiting: object[] = [];
  #ended = false;
  #wake = Promise.withResolvers<void>();

  add(event: object): void {
    if (this.#waiting.length >= QUEUE_MAX) this.#waiting.shift();
    this.#waiting.push(event);
    this.#wake.resolve();
  }

  end(event: object): void {
    this.add(event);
    this.#ended = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<object, void, undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) yield event;
      else if (this.#ended) return;
      else await this.#wake.promise;
      if (this.#waiting.length === 0 && !this.#ended) this.#wake = Promise.withResolvers<void>();
    }
  }
}
