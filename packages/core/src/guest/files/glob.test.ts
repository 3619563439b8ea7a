import fc from "fast-check";
import { expect, test } from "vitest";
import { globToRegExp } from "./glob.ts";

test.for([
  ["*.log", "a.log", true],
  ["*.log", "deep/er/a.log", true],
  ["*.log", "a.log/b", false],
  ["*", ".hidden", true],
  ["src/*.ts", "src/a.ts", true],
  ["src/*.ts", "src/b/a.ts", false],
  ["src/*.ts", "x/src/a.ts", false],
  ["src/**", "src/b/a.ts", true],
  ["src/**/a", "src/a", true],
  ["**/a/b", "x/a/b", true],
  ["**/a/b", "a/b", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[ab]x", "bx", true],
  ["[!ab]x", "bx", false],
  ["[!ab]x", "cx", true],
  ["[a-c]", "b", true],
  ["a.b", "axb", false],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["[", "[", true],
  ["build/", "x/build", true],
  ["/build", "build", true],
  ["/build", "x/build", false],
  ["src/**", "src", true],
  ["src/**", "srcs", false],
] as const)("%s on %s: %s", ([glob, path, matches]) => expect(globToRegExp(glob).test(path)).toBe(matches));

test("any text is a glob, and a name without magic matches itself", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(globToRegExp(text)).toBeInstanceOf(RegExp);
      const plain = text.replace(/[*?[\]\\/]/g, "");
      if (plain !== "") expect(globToRegExp(plain).test(`a/${plain}`)).toBe(true);
    }),
  );
});
