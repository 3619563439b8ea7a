import type { ExecEvent, ExecExit } from "@bandsox/contract";
import { API_FRAMES, fromWire } from "@bandsox/contract/wire";
import { interrupted, unreachable } from "./error.ts";
import { type ExecCall, frameJson } from "./exec.ts";
import { ChannelClosed, FrameChannel } from "./frame-channel.ts";
import type { Transport } from "./transport.ts";

/** Runs a command that reads what comes of a stream; leaving the iteration kills it. */
export async function* duplexExec(
  transport: Transport,
  { vm, command, options }: ExecCall,
): AsyncGenerator<ExecEvent, void, undefined> {
  const { cwd, env, user, timeoutMs = 0, stdin, signal } = options;
  using channel = await FrameChannel.open(transport, `/api/vms/${encodeURIComponent(vm)}/exec`);
  const leave = () => channel[Symbol.dispose]();
  signal?.addEventListener("abort", leave, { once: true });
  channel.sendText(JSON.stringify({ command, cwd, env, user, timeout_ms: timeoutMs, stdin: true }));
  let failure: { readonly why: unknown } | undefined;
  const feeding = feed(channel, stdin).catch((why: unknown) => {
    if (why instanceof ChannelClosed) return; // told where the output is read
    failure = { why };
    leave();
  });
  try {
    for await (const message of channel.messages()) {
      if (typeof message === "string") continue;
      const { kind, data } = message;
      if (kind === API_FRAMES.stdout) yield { type: "stdout", data };
      else if (kind === API_FRAMES.stderr) yield { type: "stderr", data };
      else if (kind === API_FRAMES.exit) {
        yield { type: "exit", ...fromWire<ExecExit>(frameJson(data)) };
        return;
      }
    }
    if (failure) throw failure.why;
    if (signal?.aborted) throw interrupted("the command");
    throw unreachable(transport.url, "the connection ended before the command did");
  } catch (error) {
    throw error instanceof ChannelClosed ? unreachable(transport.url, error) : error;
  } finally {
    signal?.removeEventListener("abort", leave);
    leave();
    void feeding; // its source may never say another word; what it says goes nowhere
  }
}

async function feed(channel: FrameChannel, stdin: ExecCall["options"]["stdin"]): Promise<void> {
  const pieces = typeof stdin === "string" || stdin instanceof Uint8Array ? [stdin] : (stdin ?? []);
  const encoder = new TextEncoder();
  for await (const piece of pieces) {
    const bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await channel.send(API_FRAMES.stdin, bytes.subarray(at, at + PIECE_BYTES));
    }
  }
  await channel.send(API_FRAMES.eof);
}

const PIECE_BYTES = 64 * 1024;
