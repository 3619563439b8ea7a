import type { Figure } from "./figure.ts";

const HEAD = ["", "what", "figure", "beside", "ratio"];

/** The figures as a Markdown table. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ id, name, value, unit, beside }) => [
    id,
    name,
    `${round(value)} ${unit}`,
    beside ? `${beside.name}: ${round(beside.value)} ${unit}` : "",
    beside ? `${round(beside.ratio)}×` : "",
  ]);
  return markdown(HEAD, rows);
}

/** Rows under a heading, in Markdown. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A value with the digits that mean something. */
export function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
