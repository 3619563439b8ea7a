import fc from "fast-check";
import { expect, test } from "vitest";
import { TerminalQuestions } from "./terminal-questions.ts";

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** What is shown of output that comes in pieces. */
function shown(...pieces: string[]): string {
  const questions = new TerminalQuestions();
  const parts = pieces.map((piece) => questions.without(bytes(piece)));
  return [...parts, Uint8Array.from(questions.rest())]
    .flatMap((part) => [...part])
    .map((byte) => String.fromCharCode(byte))
    .join("");
}

test.for([
  ["where the cursor is", "\u001b[6n"],
  ["whether it is well", "\u001b[?5n"],
  ["what it is", "\u001b[c"],
  ["what it is, once more", "\u001b[>0c"],
  ["what it is, as of old", "\u001bZ"],
  ["whether a mode is set", "\u001b[?2026$p"],
  ["its version", "\u001b[>q"],
  ["its keyboard", "\u001b[?u"],
  ["its size", "\u001b[18t"],
  ["its title", "\u001b[21t"],
  ["a colour", "\u001b]11;?\u0007"],
  ["a colour of many", "\u001b]4;1;?\u001b\\"],
  ["its clipboard", "\u001b]52;c;?\u001b\\"],
  ["a setting", "\u001bP$q q\u001b\\"],
  ["a capability", "\u001bP+q544e\u001b\\"],
  ["anything", "\u0005"],
])("a terminal is not asked %s again", ([, question]) => {
  expect(shown(`before${question}after`)).toBe("beforeafter");
});

test.for([
  "plain text\r\n",
  "\u001b[31mred\u001b[0m",
  "\u001b[?1049h\u001b[2;1H~\u001b[K",
  "\u001b]0;title?\u0007",
  "\u001b]52;c;aGVsbG8=\u0007",
  "\u001b]8;;http://x/?\u001b\\link\u001b]8;;\u001b\\",
  "\u001b(B\u001b=\u001bM\u001b7",
  "\u001b[4 q",
  "\u001b[22;0t",
  `\u001b]1337;${"x".repeat(1000)}\u0007`,
  "\u001b[1\u001b[2J",
  "\u001b[",
])("%j is shown as it is", (output) => {
  expect(shown(output)).toBe(output);
});

test("how output is cut changes nothing", () => {
  const part = fc.constantFrom(
    "\u001b",
    "[",
    "]",
    "P",
    "?",
    "6",
    ";",
    "n",
    "c",
    "\u0007",
    "\\",
    "x",
    "\u0018",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), fc.nat(40), (parts, at) => {
      const whole = parts.join("");
      expect(shown(whole.slice(0, at), whole.slice(at))).toBe(shown(whole));
    }),
  );
});
