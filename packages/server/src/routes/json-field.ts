import { BandSoxError } from "@bandsox/contract";

/** JSON in a field of a form; nothing when it is empty. @throws {BandSoxError} `invalid_argument` */
export function parseJsonField(text: string | undefined, field: string): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new BandSoxError("invalid_argument", `cannot read the field ${field}: it is no JSON`, {
      ...{ field, found: text.slice(0, 200) },
    });
  }
}
