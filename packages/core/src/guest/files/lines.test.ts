import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatLines } from "./lines.ts";

describe("formatting", () => {
  test.for([
    ["a file as it is", { text: "a\nb\n", skipped: 0, total: 2 }, {}, "a\nb\n"],
    ["a last line without its end", { text: "a\nb", skipped: 0, total: 2 }, {}, "a\nb"],
    ["nothing", { text: "", skipped: 0, total: 0 }, { showLineNumbers: true }, ""],
    ["an empty line", { text: "\n", skipped: 0, total: 1 }, { showLineNumbers: true }, "1\t\n"],
    ["what was skipped", { text: "c\n", skipped: 2, total: 3 }, {}, "... skipped 2 lines\nc\n"],
    ["what is left", { text: "a\n", skipped: 0, total: 3 }, {}, "a\n... 2 lines left"],
    [
      "numbers from the first line on",
      { text: "c\nd\n", skipped: 2, total: 4 },
      { showLineNumbers: true, showHeader: false },
      "3\tc\n4\td\n",
    ],
    [
      "neither header nor footer",
      { text: "b\n", skipped: 1, total: 3 },
      { showHeader: false, showFooter: false },
      "b\n",
    ],
    ["a window behind the end", { text: "", skipped: 3, total: 3 }, {}, "... skipped 3 lines"],
  ] as const)("shows %s", ([, window, options, text]) => expect(formatLines(window, options)).toBe(text));

  test("numbers and marks can be taken off again, whatever the lines", () => {
    const line = fc.string().map((text) => text.replaceAll("\n", ""));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.nat(50), fc.nat(50), (lines, skipped, left) => {
        const text = lines.map((one) => `${one}\n`).join("");
        const total = skipped + lines.length + left;
        const shown = formatLines({ text, skipped, total }, { showLineNumbers: true });
        const inner = shown.replace(/^\.\.\. skipped \d+ lines\n/, "").replace(/\.\.\. \d+ lines left$/, "");
        expect(inner.split("\n").slice(0, lines.length)).toEqual(
          lines.map((one, index) => `${skipped + index + 1}\t${one}`),
        );
        expect(shown.startsWith("... skipped")).toBe(skipped > 0);
        expect(shown.endsWith("lines left")).toBe(left > 0);
      }),
    );
  });
});
