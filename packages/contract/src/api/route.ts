import { z } from "zod";

/** What a key may do. Each includes the ones before it. */
export const Scope = z.enum(["read", "exec", "admin"]);
export type Scope = z.infer<typeof Scope>;

/** What travels in a body that is no JSON. */
export type MediaType =
  | "application/octet-stream"
  | "application/x-tar"
  | "application/x-ndjson"
  | "application/vnd.bandsox.frames"
  | "multipart/form-data"
  | "text/event-stream"
  | "text/plain";

/** One operation of the API. The key in its table is the method and the path, `:name` standing for a parameter. */
export interface ApiRoute {
  readonly summary: string;
  readonly tag:
    | "VMs"
    | "Commands"
    | "Files"
    | "Sessions"
    | "Snapshots"
    | "Images"
    | "Pools"
    | "Access"
    | "System";
  /** What a key needs; `none` is for those who have no key yet */
  readonly scope: Scope | "none";
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** JSON, or the fields of a form */
  readonly body?: z.ZodType;
  /** What a body that is no JSON is */
  readonly consumes?: MediaType;
  /** JSON of a successful answer, which has status 200 */
  readonly answer?: z.ZodType;
  /** What a successful answer may be instead of JSON; the first is what it is unless `Accept` says otherwise */
  readonly produces?: readonly MediaType[];
  /** Bytes a JSON body may have (default: 1 MiB) */
  readonly bodyLimitBytes?: number;
  /** Whether an `Idempotency-Key` makes a repeated call answer what the first did */
  readonly idempotent?: true;
}

/** A problem as RFC 9457 has it, with `detail` where the first BandSox had it. */
export const Problem = z
  .object({
    type: z.string().meta({ description: "`urn:bandsox:error:` and the code" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What was attempted, on what, and what was found" }),
    code: z.string().meta({ description: "Stable; match on it" }),
    details: z.record(z.string(), z.unknown()).meta({ description: "Facts that belong to the code" }),
    hint: z.string().meta({ description: "What to do next" }),
    retryable: z.boolean().meta({ description: "Whether repeating the same call can succeed" }),
    request_id: z.string(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
