import type { Output } from "../output.ts";
import { oneLine } from "./one-line.ts";
import { paint, type Style } from "./paint.ts";
import { cutTo, textWidth } from "./text-width.ts";

const GAP = "   ";
const NARROWEST = 6;
/** Columns whose content is typed again */
const KEPT: ReadonlySet<string> = new Set(["ID", "DIGEST"]);

/** What is in one place of a table. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined };

/**
 * Rows lined up under their headings. On a terminal they fit it: the widest columns are cut, those that name things
 * last. Elsewhere nothing is cut.
 */
export function table(
  output: Pick<Output, "isTty" | "columns" | "hasColors">,
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const texts = [headings, ...rows].map((row) => row.map((cell) => oneLine(textOf(cell))));
  const natural = headings.map((_, column) => Math.max(...texts.map((row) => textWidth(row[column] ?? ""))));
  const isKept = headings.map((heading) => KEPT.has(heading));
  const widths = output.isTty ? fitted(natural, { columns: output.columns, isKept }) : natural;
  const lines = texts.map((row, index) =>
    row
      .map((text, column) => {
        const width = widths[column] ?? 0;
        const cut = cutTo(text, width);
        const padding = column === row.length - 1 ? "" : " ".repeat(width - textWidth(cut));
        const style = index === 0 ? "bold" : styleOf(rows[index - 1]?.[column]);
        return `${style ? paint(output, style, cut) : cut}${padding}`;
      })
      .join(GAP)
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Widths that fit a terminal, as far as every column keeps its narrowest. */
function fitted(
  widths: readonly number[],
  { columns, isKept }: { columns: number; isKept: readonly boolean[] },
): number[] {
  const fit = [...widths];
  let excess = fit.reduce((sum, width) => sum + width, GAP.length * (fit.length - 1)) - columns;
  while (excess > 0) {
    const widest = widestOf(fit.map((width, column) => (isKept[column] ? 0 : width))) ?? widestOf(fit);
    if (widest === undefined) break;
    fit[widest] = (fit[widest] ?? 0) - 1;
    excess--;
  }
  return fit;
}

function widestOf(widths: readonly number[]): number | undefined {
  const most = Math.max(...widths);
  return most > NARROWEST ? widths.indexOf(most) : undefined;
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function styleOf(cell: Cell | undefined): Style | undefined {
  return typeof cell === "object" ? cell.style : undefined;
}
