/** A tree of marked text, as the highlighter gives it. */
export interface MarkedText {
  readonly type: string;
  readonly value?: string;
  readonly properties?: { readonly className?: unknown } | null | undefined;
  readonly children?: readonly MarkedText[];
}

/** A part of a text that has a colour. */
export interface CodeSpan {
  readonly from: number;
  readonly to: number;
  readonly className: string;
}

const BY_NAME: Readonly<Record<string, string>> = {
  makefile: "makefile",
  dockerfile: "bash",
  containerfile: "bash",
  ".bashrc": "bash",
  ".profile": "bash",
  ".gitignore": "ini",
};

/** What a file is written in by its name, if `isKnown` to the highlighter. */
export function languageOf(path: string, isKnown: (language: string) => boolean): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  return extension !== "" && isKnown(extension) ? extension : undefined;
}

/** The parts of a text that have a colour, in their order; of parts within parts the innermost. */
export function codeSpans(tree: MarkedText): CodeSpan[] {
  const spans: CodeSpan[] = [];
  let at = 0;
  const walk = ({ type, value = "", properties, children = [] }: MarkedText, className: string) => {
    if (type === "text") {
      if (className !== "" && value.length > 0) spans.push({ from: at, to: at + value.length, className });
      at += value.length;
      return;
    }
    const own = properties?.className;
    const next = Array.isArray(own) ? own.join(" ") : className;
    for (const child of children) walk(child, next);
  };
  walk(tree, "");
  return spans;
}
