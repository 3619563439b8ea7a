import * as fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryOf, type JsonSchema } from "../../../test/support/arbitrary-of-schema.ts";
import { serverWorld } from "../../../test/support/server-world.ts";

interface Operation {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

/** `BANDSOX_TEST_SEED=random BANDSOX_FUZZ_RUNS=150` looks further than every run needs to. */
const RUNS_EACH = Number(process.env.BANDSOX_FUZZ_RUNS ?? "12");
/** Waits for the headers of an answer; a stream that goes on is left then. */
const PATIENCE_MS = 30_000;
/** A world without registries and helpers cannot do these, and says so; so does a guest in which nothing listens. */
const EXPECTED_FAILURES =
  /^(registry_|image_|tool_missing|helper_|not_available|connect_failed|capacity_exhausted|doctor_)/;
/** What runs on this host in place of a guest must be harmless, and stay in the guest's directory. */
const HARMLESS: Readonly<Record<string, readonly unknown[]>> = {
  command: ["true", "exit 3", ["true"], [], "", 7, null, "\0"],
  code: ["1", "", 7, null],
  path: ["/", "/a", "/a/b", "a", "", "/\0", 7, null],
  from: ["/a", "/c", "x"],
  to: ["/b", "/a/b", "x"],
  remote_path: ["/u", "x"],
  target: ["a", "../a"],
  port: [1, 9, 0, -1, 70_000, "1"],
  packages: [[], null, "x"],
  dockerfile: ["", "FROM x", 7],
  host: ["localhost", "127.0.0.1", "example.com"],
  image: ["alpine", "x/y:z", "", "dir:relative", 7, "\0"],
  reference: ["registry.example/a:1", "", 7],
  timeout: [1, -1, "x"],
  timeout_ms: [1000, -1, "x"],
  count: [1, 2, 0, "x"],
  size: [0, 1, 257, "x"],
  follow: ["0", "1", "x"],
};

test(
  "no operation of the API's own description makes the server fail, hang or lose anything",
  async () => {
    await using w = await serverWorld({ bodyPatienceMs: 1000 });
    const document = (await w.app.inject("/openapi.json")).json() as Document;
    const resolve = (ref: string) => document.components?.schemas?.[ref.split("/").at(-1) ?? ""] ?? {};
    const failures: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const vm = await w.bandsox.createVm("alpine");
        const known = { id: [vm.id, vm.id, "vm_000000000000", "x", "..", "%"] };
        const requests = requestOf({ path, method, operation }, resolve, known);
        const isPlain = !operation.parameters && !operation.requestBody;
        await fc.assert(
          fc.asyncProperty(requests, async ({ url, init }) => {
            const response = await fetch(`${w.url}${url}`, {
              ...init,
              signal: AbortSignal.timeout(PATIENCE_MS),
            });
            const text = response.status < 400 ? "" : await response.text();
            await response.body?.cancel().catch(() => {}); // read already
            const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? "";
            if (response.status >= 500 && !EXPECTED_FAILURES.test(code))
              failures.push(
                `${init.method} ${url} ${String(init.body).slice(0, 300)} → ${text.slice(0, 300)}`,
              );
          }),
          { numRuns: isPlain ? 1 : RUNS_EACH },
        );
      }
    }
    expect(failures).toEqual([]);
    const { counts } = await w.bandsox.cleanup({ dryRun: true });
    expect(counts).toEqual({});
    expect((await w.app.inject("/readyz")).statusCode).toBe(200);
  },
  20_000 * RUNS_EACH,
);

interface Described {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function requestOf(
  { path, method, operation }: Described,
  resolve: (ref: string) => JsonSchema,
  known: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<{ url: string; init: RequestInit & { method: string } }> {
  const { parameters = [], requestBody } = operation;
  const named = (name: string, schema: JsonSchema) => {
    const values = known[name] ?? HARMLESS[name];
    return values ? fc.constantFrom(...values) : arbitraryOf(schema, resolve);
  };
  const of = (place: string) => {
    const here = parameters.filter((one) => one.in === place);
    const model = Object.fromEntries(here.map(({ name, schema }) => [name, named(name, schema)]));
    const requiredKeys = here.filter((one) => one.required).map(({ name }) => name);
    return fc.record(model, { requiredKeys });
  };
  const [type = "", content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const body = content ? harmless(content.schema, resolve) : fc.constant(undefined);
  return fc.record({ params: of("path"), query: of("query"), body }).map(({ params, query, body: sent }) => {
    const at = path.replace(/\{([a-z_]+)\}/g, (_, name: string) => segment((params as never)[name]));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      search.set(name, typeof value === "string" ? value : JSON.stringify(value));
    const init = { method: method.toUpperCase(), headers: {} as Record<string, string> };
    const hasBody = sent !== undefined && init.method !== "GET";
    if (hasBody) init.headers["content-type"] = type;
    const text = type === "application/json" ? JSON.stringify(sent) : String(sent);
    return { url: `${at}?${search}`, init: hasBody ? { ...init, body: text } : init };
  });
}

function harmless(schema: JsonSchema, resolve: (ref: string) => JsonSchema): fc.Arbitrary<unknown> {
  return arbitraryOf(schema, resolve).map((value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const fields = Object.entries(value).map(([name, field], index) => {
      const values = HARMLESS[name];
      return [name, values ? values[(JSON.stringify(field)?.length ?? 0 + index) % values.length] : field];
    });
    return Object.fromEntries(fields);
  });
}

function segment(value: unknown): string {
  return encodeURIComponent(typeof value === "string" ? value.toWellFormed() : JSON.stringify(value)) || "x";
}
