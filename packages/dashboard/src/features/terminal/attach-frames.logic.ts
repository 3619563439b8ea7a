import { API_FRAMES } from "@bandsox/contract/wire";

/** What the server says of a session that is attached. */
export type AttachMessage =
  | { readonly type: "begun"; readonly stdout: number }
  | { readonly type: "output"; readonly data: Uint8Array }
  | { readonly type: "gap"; readonly to: number; readonly lost: number }
  | { readonly type: "exit"; readonly exitCode: number; readonly signal: string | undefined }
  | { readonly type: "error"; readonly code: string; readonly detail: string; readonly retryable: boolean }
  | { readonly type: "other" };

/** Reads one binary message: a kind and its data. */
export function readAttachMessage(message: ArrayBuffer): AttachMessage {
  const bytes = new Uint8Array(message);
  const data = bytes.subarray(1);
  const kind = bytes[0];
  if (kind === API_FRAMES.stdout || kind === API_FRAMES.stderr) return { type: "output", data };
  const json = () => JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;
  if (kind === API_FRAMES.begun) return { type: "begun", stdout: Number(json().stdout ?? 0) };
  if (kind === API_FRAMES.gap) {
    const { from, to } = json();
    return { type: "gap", to: Number(to), lost: Number(to) - Number(from) };
  }
  if (kind === API_FRAMES.exit) {
    const { exit_code, signal } = json();
    return {
      type: "exit",
      exitCode: Number(exit_code),
      signal: typeof signal === "string" ? signal : undefined,
    };
  }
  if (kind === API_FRAMES.error) {
    const { code, detail, retryable } = json();
    return { type: "error", code: String(code), detail: String(detail), retryable: retryable === true };
  }
  return { type: "other" };
}

/** A message to the server. */
export function attachFrame(kind: "stdin" | "resize" | "taken", data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(data.length + 1);
  frame[0] = API_FRAMES[kind];
  frame.set(data, 1);
  return frame;
}

/** How many bytes were taken, so that as many more are sent. */
export function takenFrame(bytes: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, bytes);
  return attachFrame("taken", data);
}
