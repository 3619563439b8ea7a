import type { z } from "zod";
import { BandSoxError } from "./errors.ts";

const SHOWN_CHARACTERS = 80;

/**
 * Parses input from outside by its schema.
 *
 * @throws {BandSoxError} `invalid_argument`, naming the first field that does not fit and what was found there
 */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.map(String).join(".") || what;
  const found = issue?.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], value);
  throw new BandSoxError(
    "invalid_argument",
    `${what}: ${issue?.message ?? "invalid"} (${field} is ${shown(found)})`,
    {
      field,
      found,
    },
  );
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? "not given";
  return json.length > SHOWN_CHARACTERS
    ? `${json.slice(0, SHOWN_CHARACTERS)}… (${json.length} characters)`
    : json;
}
