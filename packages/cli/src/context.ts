import type { BandSox } from "bandsox";
import { fillPoolDetached } from "./fill-pool-detached.ts";
import { type Output, outputOf } from "./output.ts";
import { type Keyboard, keyboardOf, type Screen, screenOf } from "./terminal/device.ts";
import { type WhereOptions, whereOf } from "./where.ts";

/** What a command has of the world. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data, and nothing else */
  readonly stdout: Output;
  /** Progress and errors */
  readonly stderr: Output;
  readonly stdin: Keyboard;
  /** The terminal that stdout is on, if it is on one */
  readonly screen: Screen;
  /** Fires on SIGINT, SIGTERM and SIGHUP, and, with the reason, when an output takes no more */
  readonly signal: AbortSignal;
  /** Opens the storage a command names, or the default one, or what a server has */
  openBandSox(options: WhereOptions & { engine?: string | undefined }): Promise<BandSox>;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The context of a real process: what happens to it from outside interrupts the work. */
export function cliContext(process: NodeJS.Process): CliContext {
  const controller = new AbortController();
  interruptOnSignals(process, controller);
  const output = (stream: NodeJS.WriteStream, name: string) =>
    outputOf(stream, { name, env: process.env, onFailure: (reason) => controller.abort(reason) });
  const stderr = output(process.stderr, "standard error");
  // A warning nobody can be shown is not worth the command: the output's own failure ends that.
  const onWarning = (message: string) => void stderr.write(`warning: ${message}\n`).catch(() => {});
  return {
    env: process.env,
    stdout: output(process.stdout, "standard output"),
    stderr,
    stdin: keyboardOf(() => process.stdin),
    screen: screenOf(process.stdout),
    signal: controller.signal,
    openBandSox: async ({ engine, ...options }) => {
      const where = await whereOf(options, process.env);
      const { BandSox: Opened } = await import("bandsox"); // most of what starting costs, and help needs none of it
      if (where.kind === "server") return new Opened(where.url, { apiKey: where.apiKey });
      const { storageDir: storage } = where;
      const onPoolTaken = (pool: string) => fillPoolDetached(process, { pool, storage });
      const storageDir = storage === undefined ? {} : { storageDir: storage };
      return new Opened({ onWarning, onPoolTaken, engine, ...storageDir });
    },
  };
}

/** The first signal interrupts the work, whose clean-up goes on; the second does what it does to any process. */
function interruptOnSignals(process: NodeJS.Process, controller: AbortController): void {
  let interrupted = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (interrupted) {
      for (const each of SIGNALS) process.off(each, onSignal);
      process.kill(process.pid, signal);
      return;
    }
    interrupted = true;
    controller.abort(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
}
