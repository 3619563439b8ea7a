import { join } from "node:path";
import { execa } from "execa";
import { expect, vi } from "vitest";

/** A terminal of a test's own, with one command on it; what people see and type. */
export interface TmuxScreen extends AsyncDisposable {
  /** What is on it, one line a line, without what is behind */
  text(): Promise<string>;
  /** Waits until it shows something. */
  shows(part: string | RegExp): Promise<void>;
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux's names, e.g. `Enter`, `C-c`, `Tab`. */
  press(...keys: string[]): Promise<void>;
  /** Pastes what is in a file. */
  paste(file: string): Promise<void>;
  resize(size: { cols: number; rows: number }): Promise<void>;
  /** The window's title, as programs set it */
  title(): Promise<string>;
}

const PATIENCE = { timeout: 60_000, interval: 100 };

/** Opens a terminal whose only command is a shell, in which a test types. */
export async function openTmux(
  dir: string,
  { cols = 80, rows = 24, env = {} }: { cols?: number; rows?: number; env?: Record<string, string> } = {},
): Promise<TmuxScreen> {
  const socket = join(dir, `tmux-${process.pid}-${Date.now()}`);
  const tmux = (...args: string[]) =>
    execa("tmux", ["-S", socket, "-f", "/dev/null", ...args], {
      env: { ...env, LC_ALL: "C.UTF-8" },
      stripFinalNewline: false,
    });
  await tmux(
    "new-session",
    "-d",
    "-x",
    `${cols}`,
    "-y",
    `${rows}`,
    "PS1='ready> ' exec bash --norc --noprofile",
  );
  const screen: TmuxScreen = {
    text: async () => (await tmux("capture-pane", "-p")).stdout,
    shows: async (part) => {
      await vi.waitFor(async () => {
        const text = await screen.text();
        if (typeof part === "string") expect(text).toContain(part);
        else expect(text).toMatch(part);
      }, PATIENCE);
    },
    type: async (text) => void (await tmux("send-keys", "-l", text)),
    press: async (...keys) => void (await tmux("send-keys", ...keys)),
    paste: async (file) => {
      await tmux("load-buffer", file);
      await tmux("paste-buffer", "-r");
    },
    resize: async (size) => void (await tmux("resize-window", "-x", `${size.cols}`, "-y", `${size.rows}`)),
    title: async () => (await tmux("display-message", "-p", "#{pane_title}")).stdout.trim(),
    [Symbol.asyncDispose]: async () => void (await tmux("kill-server")),
  };
  try {
    await screen.shows("ready>");
    return screen;
  } catch (error) {
    await screen[Symbol.asyncDispose]();
    throw error;
  }
}
