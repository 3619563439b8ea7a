import { readFileSync } from "node:fs";

/** A fenced block of a Markdown page. */
export interface Snippet {
  readonly language: string;
  readonly line: number;
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function snippetsOf(path: string): Snippet[] {
  const found: Snippet[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(path, "utf8").split("\n").entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (open && fence) {
      found.push({ language: open.language, line: open.line, text: open.lines.join("\n") });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (fence) open = { language: fence[1] ?? "", line: index + 1, lines: [] };
  }
  return found;
}
