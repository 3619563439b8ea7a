import { type Figure, quantile } from "./figure.ts";
import { markdown, round } from "./table.ts";

/** What one run of the suite has written. */
export interface Round {
  readonly figures: readonly Figure[];
}

/** One figure on both sides, over all rounds. */
export interface Compared {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  /** Medians */
  readonly here: number;
  readonly there: number;
  /** Median of the ratios here ÷ there of each round, and the least and the greatest of them */
  readonly ratio: number;
  readonly ratios: readonly [least: number, greatest: number];
}

/** The figures that both sides have, as ratios: rounds are compared one by one, since they were measured side by side. */
export function comparison(here: readonly Round[], there: readonly Round[]): Compared[] {
  const [first] = here;
  return (first?.figures ?? []).flatMap(({ id, name, unit }) => {
    const valueIn = (round: Round | undefined) =>
      round?.figures.find((one) => one.id === id && one.name === name)?.value;
    const pairs = here.flatMap((round, at) => {
      const [mine, theirs] = [valueIn(round), valueIn(there[at])];
      return mine === undefined || theirs === undefined ? [] : [[mine, theirs] as const];
    });
    if (pairs.length === 0) return [];
    const ratios = pairs.map(([mine, theirs]) => mine / theirs);
    const median = (values: readonly number[]) => quantile(values, 0.5);
    return {
      ...{ id, name, unit },
      here: median(pairs.map(([mine]) => mine)),
      there: median(pairs.map(([, theirs]) => theirs)),
      ratio: median(ratios),
      ratios: [Math.min(...ratios), Math.max(...ratios)],
    };
  });
}

/** The comparison as a Markdown table. */
export function comparisonTable(
  compared: readonly Compared[],
  { peer, rounds }: { readonly peer: string; readonly rounds: number },
): string {
  const head = ["", "what", "here", peer, `here ÷ ${peer}, median of ${rounds}`, "least to greatest"];
  const rows = compared.map(({ id, name, unit, here, there, ratio, ratios: [least, greatest] }) => [
    ...[id, name, `${round(here)} ${unit}`, `${round(there)} ${unit}`, `${round(ratio)}×`],
    `${round(least)}× to ${round(greatest)}×`,
  ]);
  return markdown(head, rows);
}
