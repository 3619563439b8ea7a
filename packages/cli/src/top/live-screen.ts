import type { TerminalSize } from "bandsox";
import type { CliContext } from "../context.ts";
import { rawMode, untilTheEnd } from "../terminal/raw-mode.ts";

/** The alternate screen, without a cursor */
const BEGIN = "\u001b[?1049h\u001b[?25l";
const END = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const REST_OF_LINE = "\u001b[K";

export interface LiveScreenOptions {
  readonly draw: (size: TerminalSize) => readonly string[];
  /** Told what is typed; the screen is drawn again afterwards */
  readonly onKeys: (keys: string) => void;
}

/** This terminal as a screen that is drawn again and again. It is as it was once this is disposed of. */
export class LiveScreen implements Disposable {
  readonly #context: CliContext;
  readonly #draw: LiveScreenOptions["draw"];
  readonly #resources: DisposableStack;

  constructor(context: CliContext, { draw, onKeys }: LiveScreenOptions) {
    using stack = new DisposableStack();
    const { screen, stdin } = context;
    this.#context = context;
    this.#draw = draw;
    screen.writeNow(BEGIN);
    stack.use(untilTheEnd(() => screen.writeNow(END)));
    stack.use(rawMode(stdin));
    stack.use(screen.onResize(() => void this.show()));
    const keyboard = stdin.open();
    const onData = (keys: Buffer) => {
      onKeys(keys.toString("latin1"));
      void this.show();
    };
    keyboard.on("data", onData);
    stack.defer(() => void keyboard.off("data", onData).pause());
    this.#resources = stack.move();
  }

  async show(): Promise<void> {
    if (this.#resources.disposed) return;
    const lines = this.#draw(this.#context.screen.size);
    await this.#context.stdout.write(`${HOME}${lines.map((line) => `${line}${REST_OF_LINE}`).join("\r\n")}`);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
