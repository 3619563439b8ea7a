/** Which paths below a directory are meant. */
export interface TreeFilter {
  /** Globs of what is taken, with all below it (default: everything) */
  readonly include?: readonly string[] | undefined;
  /** Globs of what is left out, with all below it; stronger than `include` */
  readonly exclude?: readonly string[] | undefined;
}

/**
 * A glob as an expression over whole relative paths: `*` and `?` stay within a name, `**` does not, `[…]` is one
 * character of a set. A glob without `/` matches a name at any depth, one with `/` in front a name at the top; a `/` at
 * the end means nothing. The guest's agent reads globs the same way.
 */
export function globToRegExp(glob: string): RegExp {
  const trimmed = glob.replace(/\/+$/, "");
  const anchored = trimmed.includes("/");
  const body = trimmed.replace(/^\//, "");
  return new RegExp(`^${anchored ? "" : "(?:.*/)?"}${translate(body)}$`, "su");
}

function translate(glob: string): string {
  const tokens = glob.match(/\/\*\*$|\*\*\/|\*\*|\*|\?|\[!?[^\]/]+\]|\\.|./gsu) ?? [];
  return tokens.map(translateToken).join("");
}

function translateToken(token: string): string {
  if (token === "/**") return "(?:/.*)?";
  if (token === "**/") return "(?:.*/)?";
  if (token === "**") return ".*";
  if (token === "*") return "[^/]*";
  if (token === "?") return "[^/]";
  if (token.length > 1 && token.startsWith("[")) {
    const negated = /^\[[!^]/.test(token);
    const set = token.slice(negated ? 2 : 1, -1).replace(/[\\\][&^]/g, "\\$&");
    return `[${negated ? "^/" : ""}${set}]`;
  }
  const plain = token.length > 1 && token.startsWith("\\") ? token.slice(1) : token;
  return plain.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** What to do with a path whose parents were not left out. */
export interface TreeDecision {
  readonly excluded: boolean;
  readonly included: boolean;
}

/** Decides path by path; `/` separates names, and nothing leads or trails. */
export function treeDecider({ include, exclude = [] }: TreeFilter): (path: string) => TreeDecision {
  const included = include?.map(globToRegExp);
  const excluded = exclude.map(globToRegExp);
  return (path) => ({
    excluded: excluded.some((glob) => glob.test(path)),
    included: included === undefined || included.some((glob) => glob.test(path)),
  });
}
