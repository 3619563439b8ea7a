import { expect, test } from "vitest";
import { z } from "zod";
import { ROUTES } from "./index.ts";

const answers = Object.entries(ROUTES).flatMap(([route, spec]) =>
  "answer" in spec ? [[route, spec.answer as z.ZodType] as const] : [],
);

test.for(answers)("%s: whatever is answered can be written", ([, answer]) => {
  // What only works in one direction, as a transform does, fails on the way out.
  expect(() => z.toJSONSchema(answer)).not.toThrow();
});
