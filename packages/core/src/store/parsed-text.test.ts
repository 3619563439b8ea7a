import { expect, test } from "vitest";
import { z } from "zod";
import { parsedText } from "./parsed-text.ts";

const parse = parsedText(z.object({ a: z.record(z.string(), z.int()) }));

test("the same text has the same value, which nobody can change for the next", () => {
  const { data } = parse('{"a":{"b":1}}');
  expect(parse('{"a":{"b":1}}').data).toBe(data);
  expect(() => Object.assign(data?.a ?? {}, { b: 2 })).toThrow(TypeError);
  expect(parse('{"a":{"b":1}}').data).toEqual({ a: { b: 1 } });
});

test("what is no JSON, or of another shape, is told each time", () => {
  for (const text of ["{", "null", '{"a":{"b":"c"}}', '{"a":{"b":"c"}}'])
    expect(parse(text)).toMatchObject({ success: false });
});

test("more texts than are kept, and long ones, are parsed all the same", () => {
  for (let n = 0; n < 3000; n++) expect(parse(`{"a":{"n":${n}}}`).data).toEqual({ a: { n } });
  const long = JSON.stringify({
    a: Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`key${n}`, n])),
  });
  expect(parse(long).data).toEqual(JSON.parse(long));
});
