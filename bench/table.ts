import type { Figure } from "./figure.ts";
import type { HostStamp } from "./host.ts";

/** The figures as a Markdown table under a line about the machine. */
export function table(host: HostStamp, figures: readonly Figure[]): string {
  const machine = `${host.processor}, ${host.processors} processors, load ${host.load.toFixed(2)}, ${host.commit}`;
  const rows = figures.map(({ id, name, value, unit, beside }) => [
    id,
    name,
    `${round(value)} ${unit}`,
    beside ? `${beside.name}: ${round(beside.value)} ${unit}` : "",
    beside ? `${round(beside.ratio)}×` : "",
  ]);
  const all = [["", "what", "figure", "beside", "ratio"], ["---", "---", "---", "---", "---"], ...rows];
  return [machine, "", ...all.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
