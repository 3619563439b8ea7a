import { expect, test } from "vitest";
import { assertBuildWords } from "./recipe.ts";

test.each([
  ["a value with a NUL", { args: { A: "x\0y" } }, "args"],
  ["a name with a NUL", { args: { "A\0": "x" } }, "args"],
  ["no name", { args: { "": "x" } }, "args"],
  ["a name that assigns another", { args: { "A=b": "x" } }, "args"],
  ["a stage with a NUL", { target: "x\0" }, "target"],
])("%s cannot be given to a builder", (_, options, field) => {
  expect(() => assertBuildWords(options)).toThrow(
    expect.objectContaining({ code: "invalid_argument", details: expect.objectContaining({ field }) }),
  );
});

test("other arguments can: spaces, newlines, = in a value", () => {
  expect(() => assertBuildWords({ args: { A: "x = y\nz", B: "" }, target: "web" })).not.toThrow();
});
