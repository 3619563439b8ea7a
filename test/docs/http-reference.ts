/** As much of an OpenAPI document as the page tells. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses?: Readonly<
    Record<
      string,
      {
        readonly description?: string;
        readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
      }
    >
  >;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
  readonly default?: unknown;
}

const ORDER = ["get", "post", "put", "patch", "delete"];

/** The page that describes the HTTP API, made of its OpenAPI document. */
export function httpReference({ paths, components = {} }: OpenApi): string {
  const operations = Object.entries(paths)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b))
        .map(([method, operation]) => describeOperation(`${method.toUpperCase()} ${path}`, operation)),
    );
  const schemas = Object.entries(components.schemas ?? {})
    .filter(([name]) => !name.endsWith("Input"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => `### ${name}\n\n${describeSchema(schema)}`);
  return [HEAD, "## Operations", ...operations, "## Types", ...schemas].join("\n\n").concat("\n");
}

const HEAD = `# The HTTP API

This page is made from what \`/openapi.json\` says; a test fails when it is out of date. [server.md](../server.md) tells who may
call, what failures look like, and what the WebSockets are.`;

function describeOperation(title: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses = {} } = operation;
  const about = [summary, description].filter((text) => text !== undefined).join(" ");
  const rows = parameters.map(
    ({ name, in: where, required, schema, description: told }) =>
      `| \`${name}\` | ${where}${required ? "" : ", optional"} | ${cell(typeOf(schema))} | ${cell(told ?? schema?.description ?? "")} |`,
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema = {} }]) => `Takes \`${type}\`:\n\n${describeSchema(schema)}`,
  );
  const answers = Object.entries(responses).map(([status, { description: told, content }]) => {
    const type = Object.values(content ?? {})[0]?.schema;
    const says = told && told !== "Default Response" ? `: ${told}` : "";
    return `- ${status}${type ? ` \`${typeOf(type)}\`` : ""}${says}`;
  });
  return [
    `### ${title}`,
    about,
    rows.length > 0
      ? `| parameter | where | type | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}`
      : "",
    ...bodies,
    answers.length > 0 ? `Answers:\n\n${answers.join("\n")}` : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The fields of an object, or what else it is. */
function describeSchema(schema: Schema): string {
  if (!schema.properties)
    return `\`${typeOf(schema)}\`${schema.description ? `: ${schema.description}` : ""}`;
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(([name, field]) => {
    const fallback = field.default === undefined ? "" : ` (default: \`${JSON.stringify(field.default)}\`)`;
    const told = `${field.description ?? ""}${fallback}`.trim();
    return `| \`${name}\`${required.has(name) ? "" : "?"} | ${cell(typeOf(field))} | ${cell(told)} |`;
  });
  return `| field | type | meaning |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

function typeOf(schema: Schema | undefined): string {
  if (!schema) return "any";
  const { $ref, enum: values, anyOf, oneOf, allOf, type, items, properties, additionalProperties } = schema;
  if ($ref) return $ref.split("/").at(-1) ?? $ref;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (values) return values.map((value) => JSON.stringify(value)).join(" or ");
  const variants = anyOf ?? oneOf;
  if (variants) return [...new Set(variants.map(typeOf))].join(" or ");
  if (allOf) return allOf.map(typeOf).join(" and ");
  if (type === "array") return `list of ${typeOf(items)}`;
  if (type !== "object") return Array.isArray(type) ? type.join(" or ") : String(type ?? "any");
  if (properties) return `{ ${Object.keys(properties).join(", ")} }`;
  return typeof additionalProperties === "object" ? `object of ${typeOf(additionalProperties)}` : "object";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
