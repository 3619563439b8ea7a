import type { BandSoxEvent } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { socketUrl } from "../api/server.ts";
import { backoffMs } from "./backoff.ts";
import type { ConnectionState } from "./connection.ts";

export interface FollowOptions {
  /** The `seq` of the last event known (default: `now`, only what goes on to happen) */
  readonly since?: number;
  /** Only of this VM */
  readonly vm?: string;
  onEvent(event: BandSoxEvent): void;
  /** Told when what is shown may have missed something: at the first connection, and at every one after a loss */
  onResync?(): void;
  onState?(state: ConnectionState): void;
  /** Told when the server no longer knows who calls */
  onUnauthorized?(): void;
}

const UNAUTHORIZED = 4001;

/** Follows what happens in the storage, over as many connections as it takes. @returns what ends it */
export function followEvents(options: FollowOptions): () => void {
  const { vm, onEvent, onResync, onState, onUnauthorized } = options;
  let since: number | "now" = options.since ?? "now";
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isEnded = false;

  const connect = () => {
    socket = new WebSocket(socketUrl("/api/events/follow", { since, vm }), ["bandsox.v1"]);
    socket.onopen = () => {
      failures = 0;
      onState?.("live");
      onResync?.();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      const event = fromWire<BandSoxEvent>(JSON.parse(data) as Wire<BandSoxEvent>);
      if (since !== "now") since = event.seq;
      onEvent(event);
    };
    socket.onclose = ({ code }) => {
      if (isEnded) return;
      if (code === UNAUTHORIZED) {
        onUnauthorized?.();
        return;
      }
      failures += 1;
      onState?.("lost");
      timer = setTimeout(connect, backoffMs(failures));
    };
  };
  connect();
  return () => {
    isEnded = true;
    clearTimeout(timer);
    socket?.close();
  };
}
