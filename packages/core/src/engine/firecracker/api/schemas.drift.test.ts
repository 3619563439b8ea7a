import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { REQUESTS } from "./requests.ts";
import * as schemas from "./schemas.ts";

/** Firecracker's own description of its API is not part of this repository: `BANDSOX_FIRECRACKER_API`, or shared with it. */
const path = [process.env.BANDSOX_FIRECRACKER_API, ...besideAncestors(import.meta.dirname)].find(
  (candidate) => candidate !== undefined && existsSync(candidate),
);
if (!path)
  process.stderr.write(
    "skipped: our schemas of Firecracker's API are not held to its own description, which BANDSOX_FIRECRACKER_API would name\n",
  );

interface Property {
  type?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  items?: Property;
  $ref?: string;
}
interface Definition extends Property {
  required?: string[];
  properties?: Record<string, Property>;
}
interface Description {
  paths: Record<string, Record<string, { parameters?: { in: string; schema?: { $ref?: string } }[] }>>;
  definitions: Record<string, Definition>;
}

const NAMED_OTHERWISE: Record<string, string> = { Fault: "Error" };

describe.skipIf(!path)("our schemas and Firecracker's own description", () => {
  const description: Description = path ? parse(readFileSync(path, "utf8")) : { paths: {}, definitions: {} };

  test.for(Object.entries(schemas))(
    "%s has the fields, types and bounds of its definition",
    ([name, schema]) => {
      const theirs = description.definitions[NAMED_OTHERWISE[name] ?? name];
      const ours = z.toJSONSchema(schema, { io: "input" }) as Definition;
      expect(theirs, `${name} is not in the description`).toBeDefined();
      expect((ours.required ?? []).toSorted()).toEqual((theirs?.required ?? []).toSorted());
      expect(Object.keys(ours.properties ?? {}).toSorted()).toEqual(
        Object.keys(theirs?.properties ?? {}).toSorted(),
      );
      for (const [field, property] of Object.entries(theirs?.properties ?? {}))
        expect(factsOf(ours.properties?.[field]), `${name}.${field}`).toEqual(
          factsOf(resolved(property, description)),
        );
    },
  );

  test.for(Object.keys(REQUESTS))("%s takes what the description says", (name) => {
    const [method = "", pattern = ""] = name.split(" ");
    const found = Object.entries(description.paths).find(
      ([theirs]) => theirs.replace(/\{\w+\}/, "{id}") === pattern,
    );
    const body = found?.[1][method.toLowerCase()]?.parameters?.find((parameter) => parameter.in === "body");
    const definition = body?.schema?.$ref?.split("/").at(-1) ?? "";
    expect((schemas as Record<string, unknown>)[definition], definition).toBe(
      REQUESTS[name as keyof typeof REQUESTS],
    );
  });
});

function besideAncestors(dir: string): string[] {
  const own = join(dir, "shared/reference/firecracker-api.yaml");
  return dirname(dir) === dir ? [own] : [own, ...besideAncestors(dirname(dir))];
}

function resolved(property: Property, { definitions }: Description): Property {
  const name = property.$ref?.split("/").at(-1);
  return name === undefined ? property : (definitions[name] ?? property);
}

/** What two descriptions of one field must have in common. */
function factsOf(property: Property | undefined) {
  const { minimum, maximum } = property ?? {};
  return {
    type: property?.type,
    enum: property?.enum?.map(String).toSorted(),
    minimum: bound(minimum),
    maximum: bound(maximum),
  };
}

/** The schema library writes down the bounds of exact integers, too. */
function bound(value: number | undefined): number | undefined {
  return value === undefined || Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value;
}
