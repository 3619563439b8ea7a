/** One row of an editor of names and values, as text. */
export interface KeyValue {
  readonly id: number;
  readonly key: string;
  readonly value: string;
}

let lastId = 0;

/** A row with an identity of its own, so that editing one moves no other. */
export function newRow(key = "", value = ""): KeyValue {
  lastId += 1;
  return { id: lastId, key, value };
}

/** A value of JSON as text: strings as they are, unless that text would be read as something else. */
export function valueToText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return isJson(value) ? JSON.stringify(value) : value;
}

/** Text as a value: what is JSON is that, everything else a string. */
export function textToValue(text: string): unknown {
  return isJson(text) ? JSON.parse(text) : text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // a string, as it is: the answer
  }
}

/** What keeps rows from being an object, if anything. Rows without a key and a value are no rows. */
export function problemOf(rows: readonly KeyValue[]): string | undefined {
  const keys = filled(rows).map(({ key }) => key);
  if (keys.some((key) => key === "")) return "a value has no key";
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  return twice === undefined ? undefined : `the key ${twice} is there twice`;
}

/** Rows as entries, in their order. */
export function filled(rows: readonly KeyValue[]): KeyValue[] {
  return rows
    .map(({ id, key, value }) => ({ id, key: key.trim(), value }))
    .filter(({ key, value }) => key !== "" || value !== "");
}

/** Rows as variables: each value is text. */
export function toStrings(rows: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(filled(rows).map(({ key, value }) => [key, value]));
}

/** Rows as metadata: each value is JSON. */
export function toValues(rows: readonly KeyValue[]): Record<string, never> {
  return Object.fromEntries(filled(rows).map(({ key, value }) => [key, textToValue(value) as never]));
}

/** Metadata as rows. */
export function fromValues(values: Readonly<Record<string, unknown>>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => newRow(key, valueToText(value)));
}
