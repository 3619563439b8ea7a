import fc from "fast-check";
import { expect, test } from "vitest";
import {
  fromValues,
  newRow,
  problemOf,
  textToValue,
  toStrings,
  toValues,
  valueToText,
} from "./key-values.logic.ts";

test("any value of JSON survives being edited as text", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(textToValue(valueToText(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("metadata that is opened and saved is as it was, whatever its types", () => {
  const metadata = { port: 80, on: true, name: "web", digits: "80", nested: { a: [1] } };
  expect(toValues(fromValues(metadata))).toEqual(metadata);
});

test("variables are text, also those that look like numbers", () => {
  expect(toStrings([newRow("PORT", "80"), newRow()])).toEqual({ PORT: "80" });
});

test("a key that is there twice, or not at all, is a problem", () => {
  expect(problemOf([newRow("a", "1"), newRow("a ", "2")])).toMatch(/twice/);
  expect(problemOf([newRow("", "1")])).toMatch(/no key/);
  expect(problemOf([newRow("a", "1"), newRow("", "")])).toBeUndefined();
});
