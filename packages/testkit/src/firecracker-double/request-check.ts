import {
  FIRECRACKER_REQUESTS,
  type FirecrackerVersion,
  isAtLeast,
  parseFirecrackerVersion,
} from "@bandsox/core/engine-parts";
import type { z } from "zod";
import { ApiFault } from "./fault.ts";

/** One request as the double carries it out. */
export interface CheckedRequest {
  /** e.g. `PUT /drives/{id}` */
  readonly name: string;
  readonly id: string | undefined;
  readonly body: unknown;
}

const minor = (n: number): FirecrackerVersion => ({ major: 1, minor: n, patch: 0 });

/** What came with a version: requests, and fields of requests. */
const SINCE: Readonly<Record<string, FirecrackerVersion>> = {
  "PUT /serial": minor(14),
  "PUT /serial rate_limiter": minor(16),
  "PUT /snapshot/load network_overrides": minor(12),
  "PUT /snapshot/load track_dirty_pages": minor(13),
  "PUT /snapshot/load vsock_override": minor(16),
  "PUT /snapshot/load clock_realtime": minor(16),
  "PUT /snapshot/load huge_pages": minor(17),
  "PUT /network-interfaces/{id} mtu": minor(16),
  "PUT /metrics emit_id": minor(17),
  "PUT /metrics properties": minor(17),
  "PUT /balloon free_page_hinting": minor(14),
  "PUT /balloon free_page_reporting": minor(14),
};

const GETS = ["/", "/version", "/vm/config", "/machine-config", "/balloon", "/balloon/statistics"];
const WITH_ID = ["drives", "network-interfaces"];

/** Checks a request against Firecracker's API of a version. @throws {ApiFault} as Firecracker refuses it */
export function checkRequest(
  version: string,
  { method, path, body }: { method: string; path: string; body: string },
): CheckedRequest {
  if (method === "GET") {
    if (body !== "") throw new ApiFault("GET request cannot have a body.");
    if (!GETS.includes(path)) throw unknownRequest(method, path);
    return { name: `GET ${path}`, id: undefined, body: undefined };
  }
  if (body === "") throw new ApiFault(`Empty ${method} request.`);
  const { pattern, id } = patternOf(path);
  const name = `${method} ${pattern}`;
  const schema: z.ZodType | undefined = (FIRECRACKER_REQUESTS as Record<string, z.ZodType>)[name];
  if (!schema || isLater(version, name)) throw unknownRequest(method, path);
  const parsed = parseBody(schema, body);
  for (const field of Object.keys(parsed as object))
    if (isLater(version, `${name} ${field}`)) throw unreadable(`unknown field \`${field}\``);
  if (id !== undefined) checkId(id, parsed as Record<string, unknown>);
  if (name === "PUT /snapshot/load") checkMemory(parsed as Record<string, unknown>);
  return { name, id, body: parsed };
}

function patternOf(path: string): { pattern: string; id: string | undefined } {
  const [, first = "", second] = path.split("/");
  if (!WITH_ID.includes(first) || second === undefined) return { pattern: path, id: undefined };
  return { pattern: `/${first}/{id}`, id: second };
}

function isLater(version: string, what: string): boolean {
  const since = SINCE[what];
  const own = parseFirecrackerVersion(version);
  return since !== undefined && own !== undefined && !isAtLeast(own, since);
}

function parseBody(schema: z.ZodType, body: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    throw unreadable((error as Error).message);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw unreadable(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
}

function checkId(id: string, body: Record<string, unknown>): void {
  if (!/^[A-Za-z0-9_]+$/.test(id))
    throw new ApiFault("API Resource IDs can only contain alphanumeric characters and underscores.");
  const inBody = body.drive_id ?? body.iface_id;
  if (inBody !== id)
    throw new ApiFault(`The id from the path [${id}] does not match the id from the body [${inBody}]!`);
}

function checkMemory(body: Record<string, unknown>): void {
  const [backend, file] = [body.mem_backend, body.mem_file_path];
  if (backend !== undefined && file !== undefined)
    throw unreadable("too many fields: either `mem_backend` or `mem_file_path` exclusively is required");
  if (backend === undefined && file === undefined)
    throw unreadable("missing field: either `mem_backend` or `mem_file_path` is required");
}

function unreadable(why: string): ApiFault {
  return new ApiFault(`An error occurred when deserializing the json body of a request: ${why}.`);
}

function unknownRequest(method: string, path: string): ApiFault {
  return new ApiFault(`Invalid request method and/or path: ${method} ${path.split("/")[1] ?? ""}.`);
}
