import type { Socket } from "node:net";
import { refuseUpgrade, switchTo } from "./fake-duplex.ts";

/** How an agent double takes pings. */
export interface FakePingOptions {
  /** Whether it has ever heard of them (default: `true`) */
  readonly knowsPings?: boolean;
  /** What answers pings, instead of the same with their kind changed; `undefined` leaves them waiting */
  readonly pong?: (pings: Buffer, write: (part: Uint8Array) => void) => Buffer | undefined;
}

/** Answers an upgrade of `/v1/ping`. */
export function takePings(socket: Socket, { knowsPings = true, pong = asPong }: FakePingOptions): void {
  if (!knowsPings) {
    refuseUpgrade(socket, 404, { code: "not_found", message: "no such path: /v1/ping" });
    return;
  }
  switchTo(socket, "bandsox-frames");
  socket.on("data", (ping: Buffer) => {
    const answer = pong(ping, (part) => socket.write(part));
    if (answer) socket.write(answer);
  });
}

/** What answers one ping, or several. */
export function asPong(pings: Buffer): Buffer {
  const pong = Buffer.from(pings);
  for (let at = 0; at < pong.length; at += 5 + pong.readUInt32BE(at + 1)) pong.writeUInt8(9, at);
  return pong;
}
