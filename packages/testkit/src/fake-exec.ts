import { spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { SessionSpec } from "@bandsox/contract";
import { frame, jsonFrame, onFrames, refuseUpgrade, switchTo, upgradeBody } from "./fake-duplex.ts";

const STDIN = 16;
const EOF = 17;
const TAKEN = 8;

/** Answers an upgrade of `/v1/exec`: a plain process of this host whose stdin is the host's. */
export async function execDuplex(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
  const spec = SessionSpec.parse(await upgradeBody(request, socket, head));
  const child = spawn(spec.argv[0] ?? "", spec.argv.slice(1), {
    stdio: "pipe",
    detached: true,
    env: { ...process.env, ...spec.env },
  });
  child.stdin.on("error", () => {});
  child.once("error", (error) =>
    refuseUpgrade(socket, 422, { code: "exec_not_started", message: error.message }),
  );
  let taken = 0n;
  const report = (bytes: number) => {
    taken += BigInt(bytes);
    const total = Buffer.alloc(8);
    total.writeBigUInt64BE(taken);
    if (socket.writable) socket.write(frame(TAKEN, total));
  };
  child.once("spawn", () => {
    switchTo(socket, "bandsox-frames");
    onFrames(socket, (kind, data) => {
      if (kind === EOF) child.stdin.end();
      if (kind === STDIN) child.stdin.write(data, () => report(data.length));
    });
  });
  const output = (kind: number, stream: typeof child.stdout) =>
    stream.on("data", (data: Buffer) => {
      if (socket.write(frame(kind, data))) return;
      stream.pause();
      socket.once("drain", () => stream.resume());
    });
  output(1, child.stdout);
  output(2, child.stderr);
  socket.on("close", () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  });
  child.once("close", (code, signal) => {
    if (code === null && signal === null) return; // never started
    socket.end(jsonFrame(3, { exitCode: code ?? 128 + 9, ...(signal ? { signal } : {}), timedOut: false }));
  });
}
