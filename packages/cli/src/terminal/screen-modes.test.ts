import fc from "fast-check";
import { expect, test } from "vitest";
import { ScreenModes } from "./screen-modes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function after(...pieces: string[]): string {
  const modes = new ScreenModes();
  for (const piece of pieces) modes.feed(bytes(piece));
  return modes.undo();
}

test.for([
  ["output without sequences", ["plain\r\n", "text"], ""],
  [
    "an editor that was left",
    ["\u001b[?1049h\u001b[?1h\u001b=\u001b[?25l~"],
    "\u001b>\u001b[?1l\u001b[?25h\u001b[?1049l",
  ],
  ["an editor that ended", ["\u001b[?1049h\u001b[?25l", "\u001b[?25h\u001b[?1049l"], ""],
  ["a sequence in two pieces", ["x\u001b[?10", "49hx"], "\u001b[?1049l"],
  ["several modes in one sequence", ["\u001b[?1000;1006h"], "\u001b[?1000l\u001b[?1006l"],
  ["a style", ["\u001b[1;31mred"], "\u001b[0m"],
  ["a style that ended", ["\u001b[31mred\u001b[0m"], ""],
  ["a reset", ["\u001b[?1000h\u001bc"], ""],
  ["modes nobody knows", ["\u001b[?9999h\u001b[4h"], ""],
] as const)("%s", ([, pieces, undone]) => expect(after(...pieces)).toBe(undone));

test("what is undone stays undone", () => {
  const piece = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.integer({ min: 0, max: 2100 }), fc.constantFrom("h", "l"))
      .map(([n, c]) => `\u001b[?${n}${c}`),
    fc.constantFrom("\u001b[", "\u001b", "\u001b=", "\u001b[1m", "\u001b[?1049h", "\u001b[?25l"),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const ended = [...pieces, "\u0007a"]; // a sequence that was begun ends
      expect(after(...ended, after(...ended))).toBe("");
    }),
  );
});
