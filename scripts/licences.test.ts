import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

/** What may be shipped with an Apache-2.0 program, on no terms but to say so. */
const ALLOWED =
  /^\(?(0BSD|Apache-2\.0|BlueOak-1\.0\.0|BSD-2-Clause|BSD-3-Clause|CC0-1\.0|ISC|MIT|MIT-0|Python-2\.0|Unlicense)( (OR|AND) [\w.-]+)*\)?$/;
const SHIPPED = ["bandsox", "cli", "client", "contract", "core", "server"].map((part) => `packages/${part}`);

interface Locked {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}
type Lock = Readonly<Record<string, Locked>>;

/** Everything that packages need when they run, themselves included. */
function needed(lock: Lock, from: readonly string[]): Set<string> {
  const found = new Set<string>();
  const left = [...from];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    for (const name of Object.keys(lock[path]?.dependencies ?? {})) left.push(locate(lock, path, name));
  }
  return found;
}

/** Where a package finds another, as Node does: beside itself, else further up. */
function locate(lock: Lock, from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    const found = lock[path];
    if (found) return found.link ? (found.resolved ?? path) : path;
    if (at === "") throw new Error(`${from} needs ${name}, which package-lock.json does not have`);
  }
}

test("everything that is shipped is under a licence that lets it be", () => {
  const text = readFileSync(resolve(import.meta.dirname, "../package-lock.json"), "utf8");
  const lock: Lock = JSON.parse(text).packages;
  const paths = [...needed(lock, SHIPPED)];
  expect(paths.length).toBeGreaterThan(50);
  const others = paths.filter((path) => !ALLOWED.test(lock[path]?.license ?? "none"));
  expect(others.map((path) => `${path}: ${lock[path]?.license}`)).toEqual([]);
});
