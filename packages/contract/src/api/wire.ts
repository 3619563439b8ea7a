/**
 * How the library's objects travel as JSON: the same fields in snake_case. Nothing here needs a schema library, so the
 * client carries none.
 */
type Opaque = "metadata" | "env" | "labels" | "headers" | "details" | "args" | "counts";

/** Fields whose values have names of their own, a user's or another table's: what is below them travels as it is. */
export const OPAQUE_FIELDS: ReadonlySet<string> = new Set<Opaque>([
  "metadata",
  "env",
  "labels",
  "headers",
  "details",
  "args",
  "counts",
]);

type Snake<Name> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : Name;
type Primitive = string | number | bigint | boolean | null | undefined;

/** A type of the library as it travels. */
export type Wire<T> = T extends Primitive
  ? T
  : T extends readonly unknown[]
    ? { [Index in keyof T]: Wire<T[Index]> }
    : { [Name in keyof T as Snake<Name>]: Name extends Opaque ? T[Name] : Wire<T[Name]> };

/** An object of the library as it travels. */
export function toWire<T>(value: T): Wire<T> {
  return renamed(value, toSnake) as Wire<T>;
}

/** What travelled, as an object of the library. */
export function fromWire<T>(wire: Wire<T>): T {
  return renamed(wire, toCamel) as T;
}

/** `memMib` as `mem_mib`. */
export function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(
    fields.map(([name, field]) => [rename(name), OPAQUE_FIELDS.has(name) ? field : renamed(field, rename)]),
  );
}
