import type { Socket } from "node:net";
import { refuseUpgrade, switchTo } from "./fake-duplex.ts";

/** How an agent double takes pings. */
export interface FakePingOptions {
  /** Whether it has ever heard of them (default: `true`) */
  readonly knowsPings?: boolean;
  /** Instead of a ping with its kind changed, the bytes that answer it; none leaves it waiting */
  readonly pong?: (ping: Buffer) => Buffer | undefined;
}

/** Answers an upgrade of `/v1/ping`. */
export function takePings(socket: Socket, { knowsPings = true, pong = answerTo }: FakePingOptions): void {
  if (!knowsPings) {
    refuseUpgrade(socket, 404, { code: "not_found", message: "no such path: /v1/ping" });
    return;
  }
  switchTo(socket, "bandsox-frames");
  socket.on("data", (ping: Buffer) => {
    const answer = pong(ping);
    if (answer) socket.write(answer);
  });
}

function answerTo(ping: Buffer): Buffer {
  const pong = Buffer.from(ping);
  for (let at = 0; at < pong.length; at += 5 + pong.readUInt32BE(at + 1)) pong.writeUInt8(9, at);
  return pong;
}
