import { useSyncExternalStore } from "react";
import { formatAgo } from "./format.ts";

const EVERY_MS = 10_000;

/** One clock for all that are shown: a row of a list is in sight only for a moment, and needs none of its own. */
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function follow(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    timer = setInterval(tick, EVERY_MS);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** How long ago something was, as time goes on. */
export function Ago({ at }: { at: string }) {
  const then = Date.parse(at);
  return useSyncExternalStore(follow, () => formatAgo(then, Math.max(now, then)));
}
