import { expect, test } from "vitest";
import { parseLines } from "./ndjson.ts";

async function* chunks(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test("a line that comes in two chunks is one value", async () => {
  const values = await Array.fromAsync(parseLines(chunks('{"a":1}\n{"b"', ":2}\n\n", '{"c":3}')));
  expect(values).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
});

test("a character cut in two is whole again", async () => {
  const bytes = new TextEncoder().encode('"€"\n');
  async function* cut() {
    yield bytes.slice(0, 2);
    yield bytes.slice(2);
  }
  expect(await Array.fromAsync(parseLines(cut()))).toEqual(["€"]);
});
