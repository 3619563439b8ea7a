import { styleText } from "node:util";
import type { Output } from "../output.ts";

/** How a text may look. */
export type Style = Parameters<typeof styleText>[0];

/** The text in a style, where the output shows styles. */
export function paint({ hasColors }: Pick<Output, "hasColors">, style: Style, text: string): string {
  return hasColors ? styleText(style, text, { validateStream: false }) : text;
}

const STATES: Readonly<Record<string, Style>> = {
  running: "green",
  paused: "yellow",
  stopped: "dim",
  failed: "red",
};

/** How a VM's state looks. */
export function stateStyle(state: string): Style | undefined {
  return STATES[state];
}
