import { globToRegExp } from "@bandsox/contract";

/** Which paths below a directory are meant. */
export interface TreeFilter {
  /** Globs of what is taken, with all below it (default: everything) */
  readonly include?: readonly string[] | undefined;
  /** Globs of what is left out, with all below it; stronger than `include` */
  readonly exclude?: readonly string[] | undefined;
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
