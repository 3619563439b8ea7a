import type { z } from "zod";

/** How many texts are kept, and how long one may be; beyond that a text is parsed each time. */
const KNOWN_MAX = 1024;
const KEPT_MAX_CHARACTERS = 16_384;

export type Parsed<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly data?: undefined };

/**
 * Parses the JSON of a column. A text that was parsed before has the same value again, frozen: rows are read far more
 * often than they are written, and a list reads all of them.
 */
export function parsedText<T>(schema: z.ZodType<T>): (text: string) => Parsed<T> {
  const known = new Map<string, Parsed<T>>();
  return (text) => {
    const before = known.get(text);
    if (before) return before;
    const parsed: Parsed<T> = schema.safeParse(jsonOf(text));
    if (text.length > KEPT_MAX_CHARACTERS) return parsed;
    if (known.size >= KNOWN_MAX) known.clear();
    if (parsed.success) freeze(parsed.data);
    known.set(text, parsed);
    return parsed;
  };
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) freeze(part);
  Object.freeze(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as wrong as the wrong JSON
  }
}
