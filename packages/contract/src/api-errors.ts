import { z } from "zod";

const text = z.string();
const none = z.object({});

/** The ways to fail between client and server; part of the table in `errors.ts`. */
export const API_ERRORS = {
  unauthorized: {
    status: 401,
    retryable: false,
    details: none,
    hint: "give an API key (`bandsox auth create-key` makes one), or log in",
  },
  scope_missing: {
    status: 403,
    retryable: false,
    details: z.object({ wanted: text, scope: text }),
    hint: "use a key whose scope includes the named one",
  },
  origin_refused: {
    status: 403,
    retryable: false,
    details: z.object({ origin: text }),
    hint: "call from a page this server itself served, or name the origin with `bandsox serve --allow-origin`",
  },
  auth_disabled: {
    status: 404,
    retryable: false,
    details: none,
    hint: "this server is open to everyone who reaches it; `bandsox auth init` changes that",
  },
  api_key_not_found: {
    status: 404,
    retryable: false,
    details: z.object({ keyId: text }),
    hint: "list the keys with `bandsox auth list-keys`",
  },
  too_many_attempts: {
    status: 429,
    retryable: true,
    details: z.object({ retryAfterMs: z.number() }),
    hint: "wait for the time in the details, then try again",
  },
  limit_reached: {
    status: 429,
    retryable: true,
    details: z.object({ limit: text, max: z.number() }),
    hint: "end something the key has under way, or ask the administrator to raise its limit",
  },
  capacity_exhausted: {
    status: 503,
    retryable: true,
    details: z.object({
      wantedMib: z.number(),
      availableMib: z.number(),
      position: z.number(),
      retryAfterMs: z.number(),
    }),
    hint: "this host's memory is spoken for: delete or stop a VM, or try again later",
  },
  route_not_found: {
    status: 404,
    retryable: false,
    details: z.object({ method: text, path: text }),
    hint: "the API is described at `/docs`",
  },
  body_invalid: {
    status: 400,
    retryable: false,
    details: none,
    hint: "send what the API's description at `/docs` says, as JSON where it says so",
  },
  body_too_large: {
    status: 413,
    retryable: false,
    details: z.object({ limitBytes: z.number() }),
    hint: "send less at a time, or stream the file with `PUT /api/vms/{id}/file`",
  },
  body_too_slow: {
    status: 408,
    retryable: true,
    details: none,
    hint: "the request did not arrive in time; nothing was done",
  },
  media_type_unsupported: {
    status: 415,
    retryable: false,
    details: z.object({ mediaType: text }),
    hint: "the API's description at `/docs` says what each operation takes",
  },
  exec_timed_out: {
    status: 504,
    retryable: false,
    details: z.object({ vmId: text, timeoutMs: z.number(), stdout: text, stderr: text }),
    hint: "the command was killed; what it had printed is in the details",
  },
  idempotency_key_reused: {
    status: 422,
    retryable: false,
    details: z.object({ key: text }),
    hint: "an idempotency key belongs to one request; use a new one for another",
  },
  internal_error: {
    status: 500,
    retryable: false,
    details: none,
    hint: "this is a defect: report it with the request's id, under which the server's log has the cause",
  },
  server_unreachable: {
    status: 502,
    retryable: true,
    details: z.object({ url: text }),
    hint: "check the address, and that `bandsox serve` runs there",
  },
  server_invalid: {
    status: 502,
    retryable: false,
    details: z.object({ url: text }),
    hint: "what answered is no BandSox server, or one of another version",
  },
  request_timed_out: {
    status: 504,
    retryable: true,
    details: z.object({ url: text, timeoutMs: z.number() }),
    hint: "the server did not answer in time; what was asked for may have been done",
  },
  not_available_remotely: {
    status: 501,
    retryable: false,
    details: z.object({ call: text }),
    hint: "make this call on the machine the storage is on",
  },
} as const;
