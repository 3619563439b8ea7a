import type { IncomingMessage } from "node:http";
import xxhash from "xxhash-wasm";
import { frame } from "./fake-duplex.ts";

export const FRAMES = { "content-type": "application/vnd.bandsox.frames" };
const PIECE = 65_536;

/** A body of data frames, of all or of what follows an offset, and the end frame, which speaks of all. */
export async function framed(data: Uint8Array, offset = 0): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let at = offset; at < data.length; at += PIECE) pieces.push(frame(5, data.subarray(at, at + PIECE)));
  const end = { bytes: data.length, xxh64: await hashOf(data) };
  return Buffer.concat([...pieces, frame(6, Buffer.from(JSON.stringify(end)))]);
}

/** The xxHash64 of bytes, 16 hex digits. */
export async function hashOf(data: Uint8Array): Promise<string> {
  const { h64Raw } = await xxhash();
  return h64Raw(data).toString(16).padStart(16, "0");
}

/** The whole frames of a body as they come; fails where its connection breaks. */
export async function* framesOf(request: IncomingMessage): AsyncGenerator<{ kind: number; data: Buffer }> {
  let pending = Buffer.alloc(0);
  for await (const chunk of request) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const length = pending.readUInt32BE(1);
      yield { kind: pending.readUInt8(0), data: Buffer.from(pending.subarray(5, 5 + length)) };
      pending = pending.subarray(5 + length);
    }
  }
}

/** A refusal in the agent's words. */
export class FakeRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(`refused: ${code}`);
    this.status = status;
    this.code = code;
  }
}
