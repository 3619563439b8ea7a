import { useSyncExternalStore } from "react";

/** Whether what the page shows is live. */
export type ConnectionState = "connecting" | "live" | "lost";

let state: ConnectionState = "connecting";
const listeners = new Set<() => void>();

export function setConnection(next: ConnectionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export function useConnection(): ConnectionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
