import { z } from "zod";
import { OPAQUE_FIELDS, toSnake, type Wire } from "./wire.ts";

/** The schema of what `toWire` makes of what a schema describes. Refinements of whole objects stay the library's. */
export function wireSchema<S extends z.ZodType>(schema: S): z.ZodType<Wire<z.output<S>>, Wire<z.input<S>>> {
  return renamed(schema) as never;
}

function renamed(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) return renamedObject(schema);
  if (schema instanceof z.ZodArray) return z.array(renamed(schema.element));
  if (schema instanceof z.ZodOptional) return z.optional(renamed(schema.unwrap()));
  if (schema instanceof z.ZodNullable) return z.nullable(renamed(schema.unwrap()));
  if (schema instanceof z.ZodDefault) return z.optional(renamed(schema.unwrap()));
  if (schema instanceof z.ZodDiscriminatedUnion || schema instanceof z.ZodUnion)
    return z.union(schema.options.map(renamed) as [z.core.$ZodType, z.core.$ZodType]);
  return schema;
}

function renamedObject(schema: z.ZodObject): z.ZodObject {
  const fields = Object.entries(schema.shape).map(([name, field]) => [
    toSnake(name),
    OPAQUE_FIELDS.has(name) ? field : renamed(field),
  ]);
  const shape = Object.fromEntries(fields) as z.ZodRawShape;
  return schema.def.catchall instanceof z.ZodNever ? z.strictObject(shape) : z.object(shape);
}
