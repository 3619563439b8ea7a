import { z } from "zod";
import { maybe } from "./fields.ts";
import { type ApiRoute, Scope } from "./route.ts";

const Seconds = z.number().meta({ description: "Seconds since 1970" });
const done = z.object({ status: z.string() });

/** A key without its text, which nobody can have again. */
export const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    scope: Scope,
    created_at: Seconds,
    last_used_at: Seconds.nullable(),
    expires_at: Seconds.nullable(),
    max_vms: z.int().nullable(),
    max_memory_mib: z.int().nullable(),
    max_concurrent: z.int().nullable(),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

const KeyName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}]*$/u, "a key's name holds no control characters");

/** What a new key is to be. */
export const NewApiKey = z.object({
  name: KeyName,
  scope: maybe(Scope).meta({ description: "(default: admin, as all keys of the first BandSox)" }),
  expires_in: maybe(z.int().min(1).max(3_155_760_000)).meta({ description: "Seconds (default: never)" }),
  max_vms: maybe(z.int().min(0)).meta({ description: "VMs it may have made at the same time" }),
  max_memory_mib: maybe(z.int().min(0)).meta({ description: "Memory of those VMs together" }),
  max_concurrent: maybe(z.int().min(1)).meta({ description: "Calls and streams it may have under way" }),
});

/** Who may call. */
export const AUTH_ROUTES = {
  "POST /api/auth/login": {
    ...about("Log in with the administrator's password", "none"),
    body: z.object({ password: z.string().max(1024) }),
    answer: z.object({ status: z.string(), token: z.string() }),
  },
  "POST /api/auth/logout": { ...about("End the session", "none"), answer: done },
  "GET /api/auth/check": {
    ...about("Whether the caller is known; everyone is where access is open", "none"),
    answer: z.object({ authenticated: z.boolean(), auth_enabled: z.boolean(), scope: Scope.nullable() }),
  },
  "GET /api/auth/keys": { ...about("List keys", "admin"), answer: z.array(ApiKey) },
  "POST /api/auth/keys": {
    ...about("Make a key; its text is told here and never again", "admin"),
    body: NewApiKey,
    answer: z.object({ key_id: z.string(), key: z.string(), name: z.string(), scope: Scope }),
  },
  "DELETE /api/auth/keys/:key_id": {
    ...about("Revoke a key", "admin"),
    params: z.object({
      key_id: z.string().regex(/^bsx_k_[0-9a-f]{8,32}$/, "a key's id is `bsx_k_` and hex digits"),
    }),
    answer: done,
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Access" } as const;
}
