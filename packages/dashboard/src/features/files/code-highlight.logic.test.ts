import { common, createLowlight } from "lowlight";
import { expect, test } from "vitest";
import { codeSpans, languageOf } from "./code-highlight.logic.ts";

const lowlight = createLowlight(common);
const isKnown = (name: string) => lowlight.registered(name);

test.for([
  ["/a/main.py", "py"],
  ["/a/Main.TS", "ts"],
  ["/Makefile", "makefile"],
  ["/etc/passwd", undefined],
  ["/a.b/c", undefined],
  ["/a/x.unknown", undefined],
] as const)("%s is written in %s", ([path, language]) => {
  expect(languageOf(path, isKnown)).toBe(language);
});

test("coloured parts are where they are in the text, also behind characters of two units", () => {
  const text = 'x = "😀"\nif x: return 1 # no\n';
  const spans = codeSpans(lowlight.highlight("py", text));
  const shown = spans.map(({ from, to, className }) => [text.slice(from, to), className]);
  expect(shown).toContainEqual(['"😀"', "hljs-string"]);
  expect(shown).toContainEqual(["return", "hljs-keyword"]);
  expect(shown).toContainEqual(["# no", "hljs-comment"]);
  for (const [index, { from }] of spans.entries())
    expect(from).toBeGreaterThanOrEqual(spans[index - 1]?.to ?? 0);
});
