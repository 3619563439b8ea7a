import { BandSoxError } from "@bandsox/contract";
import type { FastifyRequest } from "fastify";

const FIELDS_MAX = 32;
const FIELD_MAX_BYTES = 128 * 1024;

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, Buffer | undefined>>;
}

/**
 * Reads a form of small parts into memory. Only the files that are named are taken, each up to its limit in bytes.
 *
 * @throws {BandSoxError} `media_type_unsupported`, `body_too_large`, `invalid_argument`
 */
export async function readForm(
  request: FastifyRequest,
  limits: Readonly<Record<string, number>>,
): Promise<Form> {
  assertForm(request);
  const fields: Record<string, string> = {};
  const files: Record<string, Buffer> = {};
  const fileSize = Math.max(...Object.values(limits));
  const bounds = {
    fields: FIELDS_MAX,
    fieldSize: FIELD_MAX_BYTES,
    files: Object.keys(limits).length,
    fileSize,
  };
  for await (const part of request.parts({ limits: bounds })) {
    if (part.type === "field") {
      fields[part.fieldname] = String(part.value);
      continue;
    }
    const limitBytes = limits[part.fieldname];
    if (limitBytes === undefined) throw unwanted(part.fieldname);
    files[part.fieldname] = await part.toBuffer();
  }
  return { fields, files };
}

/** @throws {BandSoxError} `media_type_unsupported` */
export function assertForm(request: FastifyRequest): void {
  if (request.isMultipart()) return;
  const mediaType = String(request.headers["content-type"] ?? "").slice(0, 200);
  const message = `cannot read a body of the type ${JSON.stringify(mediaType)}: a multipart form is wanted`;
  throw new BandSoxError("media_type_unsupported", message, { mediaType });
}

/** A part of a form nobody asked for. */
export function unwanted(field: string): BandSoxError {
  const message = `cannot read the form: it has a file ${JSON.stringify(field.slice(0, 100))}, which is not wanted`;
  return new BandSoxError("invalid_argument", message, { field: "form", found: field.slice(0, 100) });
}
