import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** One frame, as bytes. */
export function frame(kind: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(kind);
  header.writeUInt32BE(data.length, 1);
  return Buffer.concat([header, data]);
}

/** A frame that carries JSON. */
export function jsonFrame(kind: number, value: unknown): Buffer {
  return frame(kind, Buffer.from(JSON.stringify(value)));
}

/** Agrees to an upgrade. */
export function switchTo(socket: Socket, protocol: string): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
}

/** Refuses an upgrade as an ordinary answer. */
export function refuseUpgrade(socket: Socket, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** The body of a request that asks for an upgrade; Node leaves it in the bytes after the head. */
export async function upgradeBody(request: IncomingMessage, socket: Socket, head: Buffer): Promise<unknown> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length === 0) return undefined;
  let bytes = head;
  while (bytes.length < length) {
    const chunk = await new Promise<Buffer>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("close", () => reject(new Error("the connection ended inside a request")));
    });
    socket.pause();
    bytes = Buffer.concat([bytes, chunk]);
  }
  if (bytes.length > length) socket.unshift(bytes.subarray(length));
  return JSON.parse(bytes.subarray(0, length).toString());
}

/** Calls back with each frame the host sends. */
export function onFrames(socket: Socket, onFrame: (kind: number, data: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5) {
      const end = 5 + pending.readUInt32BE(1);
      if (pending.length < end) return;
      onFrame(pending.readUInt8(0), pending.subarray(5, end));
      pending = pending.subarray(end);
    }
  });
}
