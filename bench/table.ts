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
  return [HEAD, HEAD.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
