import { z } from "zod";
import { Argument, GuestString } from "../guest-string.ts";
import { Env } from "../vm-spec.ts";
import { maybe, VmParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";

const TIMEOUT_MAX_MS = 2_147_483_647;
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const STDIN_MAX_BYTES = 32 * 1024 * 1024;

const Seconds = z
  .number()
  .positive()
  .max(TIMEOUT_MAX_MS / 1000);
const how = {
  cwd: maybe(GuestString),
  env: maybe(Env),
  user: maybe(GuestString),
  timeout: maybe(Seconds).meta({
    description: "Seconds after which the command is killed and the call fails; not with `timeout_ms`",
  }),
  timeout_ms: maybe(z.int().min(0).max(TIMEOUT_MAX_MS)).meta({
    description: "The command is killed after this time and `timed_out` says so; `0` is never",
  }),
  max_output_bytes: maybe(z.int().min(1).max(OUTPUT_MAX_BYTES)).meta({
    description: "What is kept of each stream (default: 16 MiB)",
  }),
};

/** A command to run: text for `/bin/sh -c`, or a program and its arguments. */
export const ExecBody = z
  .object({
    command: z.union([GuestString, z.array(Argument).min(1).max(65_536)]),
    ...how,
    stdin: maybe(z.base64().max(STDIN_MAX_BYTES)).meta({ description: "What it reads, as base64" }),
  })
  .meta({ id: "Exec" });

/** Python source to run. */
export const PythonBody = z
  .object({
    code: z.string(),
    ...how,
    packages: maybe(z.array(z.string().max(1024)).max(256)),
    cleanup_venv: maybe(z.boolean()),
  })
  .meta({ id: "ExecPython" });

const exit = { exit_code: z.int(), stdout: z.string(), stderr: z.string(), output: z.string() };

/** Commands in a VM. */
export const COMMAND_ROUTES = {
  "POST /api/vms/:id/exec": {
    ...about("Run a command to its end; with frames as it goes on"),
    ...{ body: ExecBody, bodyLimitBytes: STDIN_MAX_BYTES + 4 * 1024 * 1024 },
    answer: z
      .object({ ...exit, signal: z.string().optional(), timed_out: z.boolean(), truncated: z.boolean() })
      .meta({ id: "ExecResult" }),
    produces: ["application/vnd.bandsox.frames"],
  },
  "POST /api/vms/:id/exec-python": {
    ...about("Run Python source; with frames as it goes on"),
    ...{ body: PythonBody, bodyLimitBytes: 4 * 1024 * 1024 },
    answer: z
      .object({ ...exit, success: z.boolean(), error: z.string().nullable(), timed_out: z.boolean() })
      .meta({ id: "ExecPythonResult" }),
    produces: ["application/vnd.bandsox.frames"],
  },
  "POST /api/vms/:id/http": {
    ...about("Make one HTTP request to a service in the guest"),
    body: z.object({
      port: z.int().min(1).max(65_535),
      path: maybe(z.string()),
      method: maybe(z.string()),
      headers: maybe(z.record(z.string(), z.string())),
      body: maybe(z.string()),
      body_base64: maybe(z.base64()),
      json_body: maybe(z.json()),
      timeout: maybe(Seconds),
      max_bytes: maybe(z.int().min(0)),
      max_redirects: maybe(z.int().min(0).max(20)),
    }),
    bodyLimitBytes: 32 * 1024 * 1024,
    answer: z.object({
      status_code: z.int(),
      headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
      body: z.string().meta({ description: "As UTF-8" }),
      body_base64: z.string(),
    }),
  },
} as const satisfies Record<string, ApiRoute>;

function about(summary: string) {
  return { summary, scope: "exec", tag: "Commands", params: VmParams } as const;
}
