import { oneLine } from "./one-line.ts";

/** Names and values below each other; what is no text is JSON, what is absent is left out. */
export function fields(record: Readonly<Record<string, unknown>>): string {
  const present = Object.entries(record).filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  const line = ([name, value]: [string, unknown]) =>
    `${name.padEnd(width)}  ${oneLine(typeof value === "string" ? value : JSON.stringify(value))}\n`;
  return present.map(line).join("");
}
