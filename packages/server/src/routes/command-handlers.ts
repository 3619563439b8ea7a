import { BandSoxError, type ExecResult } from "@bandsox/contract";
import type { COMMAND_ROUTES } from "@bandsox/contract/api";
import { execFrames, timedExec } from "../exec-frames.ts";
import { type Call, type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_PYTHON_TIMEOUT_MS = 60_000;
const CAPTURE_MAX_BYTES = 16 * 1024 * 1024;

type CommandKey = keyof typeof COMMAND_ROUTES;

/** Commands in a VM. */
export function commandHandlers(served: Served): Handlers<CommandKey> {
  const { bandsox, metrics } = served;
  return {
    "POST /api/vms/:id/exec": async (call) => {
      const { params, body, signal, wanted, request } = call;
      const { options, failsAfterMs } = howOf(body, DEFAULT_TIMEOUT_MS);
      const stdin = body.stdin === undefined ? {} : { stdin: Buffer.from(body.stdin, "base64") };
      const vm = await bandsox.getVm(params.id);
      const exec = vm.execStream(body.command, { ...options, ...stdin, signal });
      if (wanted) return new Streamed(wanted, await execFrames(timedExec(exec, metrics), request));
      const begun = performance.now();
      const result = await exec;
      metrics.stage("exec", "end", performance.now() - begun);
      if (result.timedOut && failsAfterMs !== undefined) throw timedOut(vm.id, failsAfterMs, result);
      const { exitCode, stdout, stderr, output, truncated } = result;
      return {
        ...{ exit_code: exitCode, stdout, stderr, output, truncated, timed_out: result.timedOut },
        ...given({ signal: result.signal }),
      };
    },
    "POST /api/vms/:id/exec-python": async ({ params, body, signal, wanted, request }) => {
      const { options } = howOf(body, DEFAULT_PYTHON_TIMEOUT_MS);
      const { code, packages, cleanup_venv: cleanupVenv } = body;
      const vm = await bandsox.getVm(params.id);
      const python = { ...options, ...given({ packages, cleanupVenv }), signal };
      if (wanted) return new Streamed(wanted, await execFrames(vm.execPythonStream(code, python), request));
      const { exitCode, timedOut, ...told } = await vm.execPythonCapture(code, python);
      return { exit_code: exitCode, ...told, timed_out: timedOut };
    },
    "POST /api/vms/:id/http": proxyHttp(served),
  };
}

type How = Pick<
  Call<"POST /api/vms/:id/exec">["body"],
  "cwd" | "env" | "user" | "timeout" | "timeout_ms" | "max_output_bytes"
>;

/** A command's options. Who speaks of `timeout`, in seconds, or of no time at all wants being late to be a failure. */
function howOf({ cwd, env, user, timeout, timeout_ms, max_output_bytes }: How, defaultMs: number) {
  const failsAfterMs = timeout_ms === undefined ? Math.ceil((timeout ?? defaultMs / 1000) * 1000) : undefined;
  const timeoutMs = failsAfterMs ?? (timeout_ms || undefined);
  const options = {
    ...given({ cwd, env, user, timeoutMs }),
    maxOutputBytes: max_output_bytes ?? CAPTURE_MAX_BYTES,
  };
  return { options, failsAfterMs };
}

function timedOut(vmId: string, timeoutMs: number, { stdout, stderr }: ExecResult): BandSoxError {
  const message = `the command in ${vmId} did not end within ${timeoutMs} ms and was killed`;
  return new BandSoxError("exec_timed_out", message, { vmId, timeoutMs, stdout, stderr });
}

function proxyHttp({ bandsox }: Served): Handlers<CommandKey>["POST /api/vms/:id/http"] {
  return async ({ params, body, signal }) => {
    const { port, path, method, headers, body_base64, json_body: json, timeout } = body;
    const bytes = body_base64 === undefined ? body.body : Buffer.from(body_base64, "base64");
    const timeoutMs = timeout === undefined ? undefined : Math.ceil(timeout * 1000);
    const limits = { timeoutMs, maxBytes: body.max_bytes, maxRedirects: body.max_redirects };
    const wanted = given({
      path: rooted(path),
      method: method?.toUpperCase(),
      headers,
      body: bytes,
      json,
      ...limits,
    });
    const answer = await (await bandsox.getVm(params.id)).sendHttpRequest({ ...wanted, port, signal });
    return {
      status_code: answer.status,
      headers: given(answer.headers) as Record<string, string | string[]>,
      body: answer.text(),
      body_base64: Buffer.from(answer.body).toString("base64"),
    };
  };
}

function rooted(path: string | undefined): string | undefined {
  return path === undefined || path.startsWith("/") ? path : `/${path}`;
}
