import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { globToRegExp, isGlob } from "./glob.ts";

/** The cases the guest's globs are held to as well. */
const TABLE = JSON.parse(
  readFileSync(new URL("../../../agent/internal/glob/testdata/cases.json", import.meta.url), "utf8"),
) as { matches: [glob: string, path: string, matches: boolean][]; invalid: string[] };

test.for(TABLE.matches)("%j on %j: %s", ([glob, path, matches]) => {
  expect(globToRegExp(glob).test(path)).toBe(matches);
});

test.for(TABLE.invalid)("%j is no glob", (glob) => expect(isGlob(glob)).toBe(false));

const magical = fc.string({ unit: fc.constantFrom(..."ab/*?[]{},!^-\\é😀") });

test("any text is a glob or refused as one, and a name without magic matches itself", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), magical), (text) => {
      try {
        expect(globToRegExp(text)).toBeInstanceOf(RegExp);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      const plain = text.replace(/[*?[\]{}\\/]/g, "");
      if (plain !== "" && plain.isWellFormed()) expect(globToRegExp(plain).test(`a/${plain}`)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
