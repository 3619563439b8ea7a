import fc from "fast-check";
import { expect, test } from "vitest";
import { wholeCharacters } from "./whole-characters.ts";

test("text cut anywhere becomes a start of itself, at most three bytes shorter than the cut", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (text, at) => {
      const bytes = Buffer.from(text);
      const cut = bytes.subarray(0, bytes.length === 0 ? 0 : at % (bytes.length + 1));
      const whole = wholeCharacters(cut);
      expect(text.startsWith(whole.toString())).toBe(true);
      expect(cut.length - whole.length).toBeLessThanOrEqual(3);
    }),
  );
});

test("bytes that are no text are left as they are", () => {
  const bytes = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80]);
  expect(wholeCharacters(bytes)).toEqual(bytes);
});
