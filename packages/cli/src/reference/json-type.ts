import { z } from "zod";

/** Schemas that are written by their names. */
export type SchemaNames = z.core.$ZodRegistry<{ id: string }>;

/** A registry of the names by which schemas are written. */
export function schemaNames(named: Readonly<Record<string, z.ZodType>>): SchemaNames {
  const names: SchemaNames = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) names.add(schema, { id });
  return names;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

/** A schema as a type people read, e.g. `VmInfo[]`; one that has a name is its name, unless `isSpeltOut`. */
export function jsonType(
  schema: z.ZodType,
  { names, isSpeltOut = false }: { names: SchemaNames; isSpeltOut?: boolean },
): string {
  const name = names.get(schema)?.id;
  if (name !== undefined && !isSpeltOut) return name;
  return typeOf(z.toJSONSchema(schema, { metadata: names, unrepresentable: "any" }) as Schema, "");
}

function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref) return schema.$ref.replace(/^.*\//, "");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, indent)).join(" | ");
  if (schema.prefixItems) return `[${schema.prefixItems.map((one) => typeOf(one, indent)).join(", ")}]`;
  if (schema.type === "array") return `${typeOf(schema.items ?? {}, indent)}[]`;
  if (schema.type === "object") return objectType(schema, indent);
  return schema.type ?? "unknown";
}

function objectType(
  { properties = {}, required = [], additionalProperties }: Schema,
  indent: string,
): string {
  const entries = Object.entries(properties);
  if (entries.length === 0) {
    const values =
      typeof additionalProperties === "object" ? typeOf(additionalProperties, indent) : "unknown";
    return `Record<string, ${values}>`;
  }
  const deeper = `${indent}  `;
  const lines = entries.map(
    ([name, schema]) => `${deeper}${name}${required.includes(name) ? "" : "?"}: ${typeOf(schema, deeper)};\n`,
  );
  return `{\n${lines.join("")}${indent}}`;
}
