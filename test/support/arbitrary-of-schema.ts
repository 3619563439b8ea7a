import * as fc from "fast-check";

/** JSON Schema, as far as OpenAPI documents of ours use it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Finds what a `$ref` names. */
export type Resolve = (ref: string) => JsonSchema;

const DEPTH_MAX = 4;
const LENGTH_MAX = 40;
const NUMBER_MAX = 1e6;

/** Values that a schema allows, and, one in so many, values that it does not. */
export function arbitraryOf(schema: JsonSchema, resolve: Resolve, depth = 0): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom("", 0, -1, 1e300, null, [], {}, "\0"),
  );
  return fc.oneof({ weight: 9, arbitrary: valid(schema, resolve, depth) }, { weight: 1, arbitrary: wrong });
}

function valid(schema: JsonSchema, resolve: Resolve, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref) return valid(resolve(schema.$ref), resolve, depth);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return fc.oneof(...options.map((one) => valid(one, resolve, depth)));
  if (schema.allOf) return valid(Object.assign({}, ...schema.allOf) as JsonSchema, resolve, depth);
  const [type] = Array.isArray(schema.type) ? schema.type : [schema.type];
  switch (type) {
    case "object":
      return objectOf(schema, resolve, depth);
    case "array":
      return arrayOf(schema, resolve, depth);
    case "string":
      return stringOf(schema);
    case "integer":
    case "number":
      return numberOf(schema, type);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf(schema: JsonSchema, resolve: Resolve, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, arbitraryOf(field, resolve, depth + 1)]),
  );
  const known = fc.record(model, { requiredKeys: required.filter((name) => name in model) });
  if (typeof additionalProperties !== "object" || depth >= DEPTH_MAX) return known;
  const more = fc.dictionary(
    fc.string({ maxLength: 8 }),
    arbitraryOf(additionalProperties, resolve, depth + 1),
    {
      maxKeys: 3,
    },
  );
  return fc.tuple(more, known).map(([extra, fields]) => ({ ...extra, ...fields }));
}

function arrayOf({ items = {}, minItems = 0, maxItems = 4 }: JsonSchema, resolve: Resolve, depth: number) {
  const maxLength = Math.min(maxItems, Math.max(minItems, depth >= DEPTH_MAX ? 0 : 4));
  return fc.array(arbitraryOf(items, resolve, depth + 1), { minLength: minItems, maxLength });
}

function stringOf({ pattern, minLength = 0, maxLength = LENGTH_MAX }: JsonSchema): fc.Arbitrary<string> {
  const plain = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, LENGTH_MAX)) });
  if (pattern === undefined) return fc.oneof(plain, fc.string({ unit: "binary", maxLength: 12 }));
  try {
    return fc.oneof(fc.stringMatching(new RegExp(pattern, "u"), { maxLength: LENGTH_MAX }), plain);
  } catch {
    return plain; // it has something that nothing can be made from, as a look-behind
  }
}

function numberOf({ minimum, exclusiveMinimum, maximum = NUMBER_MAX }: JsonSchema, type: string) {
  const min = Math.max(minimum ?? exclusiveMinimum ?? -NUMBER_MAX, -NUMBER_MAX);
  const max = Math.max(min, Math.min(maximum, NUMBER_MAX));
  return type === "integer"
    ? fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
    : fc.double({ min, max, noNaN: true });
}
