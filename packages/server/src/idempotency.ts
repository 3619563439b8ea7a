import { createHash } from "node:crypto";
import { BandSoxError } from "@bandsox/contract";
import { type ApiRoute, ROUTES, type RouteKey } from "@bandsox/contract/api";
import type { Call, Handler, Handlers, Streamed } from "./route.ts";

const KEPT_MS = 3_600_000;
const KEPT_MAX = 10_000;
const KEY_MAX_CHARACTERS = 255;

/** Handlers whose repeated calls are the same call, where the API's table says that they can be. */
export function repeatable(handlers: Handlers<RouteKey>): Handlers<RouteKey> {
  const idempotency = new Idempotency();
  const keys = Object.keys(handlers) as RouteKey[];
  const entries = keys.map((key) => {
    const [route, handler] = [ROUTES[key] as ApiRoute, handlers[key] as Handler<RouteKey>];
    return [key, route.idempotent ? idempotency.wrap(key, handler) : handler];
  });
  return Object.fromEntries(entries) as Handlers<RouteKey>;
}

interface Kept {
  readonly fingerprint: string;
  readonly answer: Promise<unknown>;
  readonly until: number;
}

/**
 * Makes calls repeatable: one with the `Idempotency-Key` of another waits for what that answers, and gets it. Such work
 * goes on when its caller has gone, for the caller will ask again. Failures are not kept. Known to this process alone,
 * for an hour.
 */
export class Idempotency {
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A handler that does the same work once. */
  wrap<K extends RouteKey>(route: K, handler: Handler<K>): Handler<K> {
    return (call) => {
      const header = call.request.headers["idempotency-key"];
      if (typeof header !== "string" || call.wanted !== undefined) return handler(call);
      return this.#once(route, header, call, handler);
    };
  }

  #once<K extends RouteKey>(
    route: K,
    key: string,
    call: Call<K>,
    handler: Handler<K>,
  ): ReturnType<Handler<K>> {
    if (key.length > KEY_MAX_CHARACTERS) throw reused(key);
    const name = JSON.stringify([call.request.identity?.id, key]);
    const fingerprint = fingerprintOf([route, call.params, call.body]);
    const before = this.#find(name);
    if (before) {
      if (before.fingerprint !== fingerprint) throw reused(key);
      return before.answer as ReturnType<Handler<K>>;
    }
    const answer = handler({ ...call, signal: new AbortController().signal } as Call<K>);
    this.#kept.set(name, { fingerprint, answer, until: this.#now() + KEPT_MS });
    answer.catch(() => this.#kept.delete(name));
    return answer as Promise<never | Streamed>;
  }

  #find(name: string): Kept | undefined {
    for (const [oldest, { until }] of this.#kept) {
      if (until > this.#now() && this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    return this.#kept.get(name);
  }
}

function fingerprintOf(request: unknown): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}

function reused(key: string): BandSoxError {
  const shown = key.slice(0, KEY_MAX_CHARACTERS);
  const message = `the idempotency key ${JSON.stringify(shown)} was given to another request, or is too long`;
  return new BandSoxError("idempotency_key_reused", message, { key: shown });
}
