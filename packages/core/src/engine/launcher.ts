import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";

/** A supervisor, as whoever had it started sees it. */
export interface Launched {
  /** Resolves with how it ended, or why it did not start; never rejects */
  readonly ended: Promise<string>;
  signal(signal: "SIGTERM" | "SIGKILL"): void;
  /** Tells that no more of its events are wanted; it goes on. */
  leave(): void;
}

const Answer = z.object({ id: z.int(), event: z.unknown().optional(), ended: z.string().optional() });
type Answer = z.infer<typeof Answer>;

const NUMBERS = { SIGTERM: 15, SIGKILL: 9 } as const;

const NONE: Launched = {
  ended: Promise.resolve("what starts supervisors has ended"),
  signal: () => {},
  leave: () => {},
};

interface Launch {
  readonly onEvent: (event: unknown) => void;
  readonly ended: PromiseWithResolvers<string>;
}

interface LauncherProcess {
  readonly child: ChildProcess;
  readonly launches: Map<number, Launch>;
}

/**
 * Has supervisors started by a small process of its own. Node would fork itself for each, which copies the page tables of
 * all it holds and stops everything else meanwhile: 3 ms at least, 70 ms in a process of 850 MiB.
 *
 * That process is there from the first launch until the launcher is disposed of or this process ends, whatever way;
 * supervisors outlive it.
 */
export class Launcher implements Disposable {
  readonly #helperPath: string;
  #process: LauncherProcess | undefined;
  #isDisposed = false;
  #lastId = 0;

  /** @param helperPath the program `bandsox-supervise` */
  constructor(helperPath: string) {
    this.#helperPath = helperPath;
  }

  /**
   * Starts a supervisor. `onEvent` is called with each thing it says, before `ended` resolves; once the launcher is
   * disposed of there is none.
   */
  launch(config: string, onEvent: (event: unknown) => void): Launched {
    if (this.#isDisposed) return NONE;
    const process = this.#process ?? this.#start();
    const { child, launches } = process;
    this.#lastId += 1;
    const id = this.#lastId;
    const ended = Promise.withResolvers<string>();
    const ask = (request: object) => child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    launches.set(id, { onEvent, ended });
    keepAwake(process);
    ask({ config });
    return {
      ended: ended.promise,
      signal: (signal) => void ask({ signal: NUMBERS[signal] }),
      leave: () => {
        launches.delete(id);
        keepAwake(process);
        ask({ leave: true });
      },
    };
  }

  #start(): LauncherProcess {
    const child = spawn(this.#helperPath, ["--launch"], {
      detached: true, // what ends us at the terminal would end it before we have cleaned up
      cwd: "/", // it keeps no directory of the user's busy
      stdio: ["pipe", "pipe", "ignore"],
    });
    const started: LauncherProcess = { child, launches: new Map() };
    this.#process = started;
    const end = (found: string) => {
      if (this.#process === started) this.#process = undefined;
      for (const { ended } of started.launches.values()) ended.resolve(found);
      started.launches.clear();
    };
    child.once("error", (error) => end(`${this.#helperPath} cannot be run: ${error.message}`));
    child.once("exit", (code, signal) => end(`what starts supervisors ended with ${signal ?? code}`));
    // A child that could not be made has neither; its error comes after this.
    child.stdin?.on("error", () => {}); // its end tells more
    if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => tell(started, line));
    child.unref();
    return started;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#process?.child.stdin?.end();
    this.#process = undefined;
  }
}

function tell({ launches }: LauncherProcess, line: string): void {
  const { id, event, ended }: Answer = Answer.parse(JSON.parse(line));
  const launch = launches.get(id);
  if (event !== undefined) launch?.onEvent(event);
  if (ended === undefined) return;
  launches.delete(id);
  launch?.ended.resolve(ended);
}

/** This process waits for a launch, and for nothing else of the launcher's. */
function keepAwake({ child, launches }: LauncherProcess): void {
  const pipe = child.stdout as Socket | null | undefined;
  if (launches.size > 0) pipe?.ref();
  else pipe?.unref();
}
