import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import type { ExecExit, Terminal } from "bandsox";
import type { CliContext } from "../context.ts";
import { DetachKeys } from "./detach-keys.ts";
import { rawMode, untilTheEnd } from "./raw-mode.ts";
import { ScreenModes } from "./screen-modes.ts";

/**
 * Shows a guest's terminal on this one until its command ends or it is left. This terminal is as it was afterwards,
 * whatever happened.
 *
 * @returns how the command ended; `undefined` when Ctrl-P Ctrl-Q left it running
 */
export async function useTerminal(
  context: CliContext,
  terminal: Terminal,
  { interactive }: { interactive: boolean },
): Promise<ExecExit | undefined> {
  using view = new View(context, terminal);
  using _resizing = context.screen.onResize(() => view.fit());
  using _typing = interactive ? view.type() : undefined;
  using screen = borrowedScreen(context);
  for await (const bytes of terminal.output) {
    screen.modes.feed(bytes);
    await context.stdout.write(bytes);
  }
  if (view.failure) throw view.failure;
  if (view.isLeft) return undefined;
  return await terminal.exit({ signal: context.signal });
}

/** Whether a command that wants to be typed to can be. @throws {BandSoxError} `invalid_argument` */
export function requireTty({ stdin }: CliContext, remedy: string): void {
  if (stdin.isTty) return;
  const message = `cannot use a terminal here: stdin is none; ${remedy}`;
  throw new BandSoxError("invalid_argument", message, { field: "stdin", found: "no terminal" });
}

/** What happens on this side of a terminal while its output is shown. */
class View implements Disposable {
  /** Why the view ended, if it was neither the command's end nor the user's wish */
  failure: unknown;
  isLeft = false;
  readonly #context: CliContext;
  readonly #terminal: Terminal;
  readonly #keys = new DetachKeys();
  readonly #onInterrupt = () => {
    this.#fail(new BandSoxError("interrupted", "interrupted while showing a terminal", {}));
  };

  constructor(context: CliContext, terminal: Terminal) {
    this.#context = context;
    this.#terminal = terminal;
    context.signal.addEventListener("abort", this.#onInterrupt, { once: true });
    if (context.signal.aborted) this.#onInterrupt();
  }

  /** Gives the guest's terminal the size of this one. */
  fit(): void {
    this.#terminal.resize(this.#context.screen.size).catch((error: unknown) => this.#refused(error));
  }

  /** Passes on what is typed until disposed of. */
  type(): Disposable {
    using stack = new DisposableStack();
    const { stdin } = this.#context;
    stack.use(rawMode(stdin));
    const stream = stdin.open();
    let over = false;
    const onData = async (typed: Buffer) => {
      stream.pause(); // until the guest has taken it
      await this.#pass(typed);
      if (!over) stream.resume();
    };
    const onEnd = () => this.#leave();
    stream.on("data", onData).on("end", onEnd).on("error", onEnd);
    stack.defer(() => {
      over = true;
      stream.off("data", onData).off("end", onEnd).pause();
    });
    return stack.move();
  }

  [Symbol.dispose](): void {
    this.#context.signal.removeEventListener("abort", this.#onInterrupt);
    this.#terminal.detach();
  }

  async #pass(typed: Uint8Array): Promise<void> {
    const { bytes, isDetached } = this.#keys.feed(typed);
    try {
      await this.#terminal.write(bytes);
    } catch (error) {
      this.#refused(error);
    }
    if (isDetached) this.#leave();
  }

  #leave(): void {
    this.isLeft = true;
    this.#terminal.detach();
  }

  /** A command that has ended takes nothing any more; its output, which is still shown, says so. */
  #refused(error: unknown): void {
    const hasEnded = ["session_ended", "stdin_closed"] as const;
    if (!hasEnded.some((code) => isBandSoxError(error, code))) this.#fail(error);
  }

  #fail(error: unknown): void {
    this.failure ??= error;
    this.#terminal.detach();
  }
}

const SAVE_TITLE = "\u001b[22;0t";
const RESTORE_TITLE = "\u001b[23;0t";

/** This terminal while a guest's programs write to it: its title and its modes are put back when it is disposed of. */
function borrowedScreen({ stdout, screen }: CliContext): Disposable & { readonly modes: ScreenModes } {
  const modes = new ScreenModes();
  if (!stdout.isTty) return { modes, [Symbol.dispose]: () => {} };
  screen.writeNow(SAVE_TITLE);
  const restored = untilTheEnd(() => screen.writeNow(`${modes.undo()}${RESTORE_TITLE}`));
  return { modes, [Symbol.dispose]: () => restored[Symbol.dispose]() };
}
