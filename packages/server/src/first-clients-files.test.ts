import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { type ServerWorld, serverWorld } from "../../../test/support/server-world.ts";

/** Requests as the first BandSox's Python client and TypeScript SDK send them. */
async function call(w: ServerWorld, method: string, path: string, body?: unknown) {
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = isForm ? {} : { "content-type": "application/json" };
  const sent = isForm ? body : JSON.stringify(body ?? null);
  const hasBody = body !== undefined;
  const response = await fetch(`${w.url}${path}`, { method, headers, body: hasBody ? sent : null });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function created(w: ServerWorld): Promise<string> {
  return (await call(w, "POST", "/api/vms", { image: "alpine" })).body.id as string;
}

const at = (path: string) => new URLSearchParams({ path });

test("a VM's record and a snapshot's have every field the first clients read", async () => {
  await using w = await serverWorld();
  const { body } = await call(w, "POST", "/api/vms", {
    image: "alpine",
    env_vars: { A: "1" },
    metadata: { b: 2 },
  });
  expect(body).toMatchObject({ id: expect.any(String), status: "created" });
  const vm = (await call(w, "GET", `/api/vms/${body.id}`)).body;
  expect(vm).toMatchObject({
    ...{ id: body.id, name: expect.any(String), image: "alpine", vcpu: 1, mem_mib: 256, disk_size_mib: 4096 },
    ...{
      network_config: null,
      vsock_config: null,
      created_at: expect.any(Number),
      status: "running",
      pid: null,
    },
    ...{ agent_ready: true, env_vars: { A: "1" }, metadata: { b: 2 } },
  });
  await call(w, "POST", `/api/vms/${body.id}/snapshot`, { name: "s" });
  expect((await call(w, "GET", "/api/snapshots")).body).toMatchObject([
    {
      ...{ id: expect.any(String), snapshot_name: "s", source_vm_id: body.id, vcpu: 1, mem_mib: 256 },
      ...{ image: "alpine", network_config: null, vsock_config: null, metadata: {}, status: "ready" },
      created_at: expect.any(Number),
    },
  ]);
});

test("files are written, added to, read, listed and described", async () => {
  await using w = await serverWorld();
  const vm = `/api/vms/${await created(w)}`;
  const write = (content: string, more: object = {}) =>
    call(w, "POST", `${vm}/write-file`, { path: "/notes.txt", content, ...more });
  expect(await write("one\n")).toEqual({ status: 200, body: { status: "written", path: "/notes.txt" } });
  expect(
    (await write(Buffer.from("two\n").toString("base64"), { encoding: "base64", append: true })).body,
  ).toEqual({
    ...{ status: "appended", path: "/notes.txt" },
  });
  const append = { path: "/notes.txt", content: "drei €\n", encoding: "utf-8" };
  expect((await call(w, "POST", `${vm}/append-file`, append)).body).toMatchObject({ status: "appended" });
  expect(await call(w, "GET", `${vm}/read-file?${at("/notes.txt")}`)).toEqual({
    ...{ status: 200, body: { path: "/notes.txt", content: "one\ntwo\ndrei €\n" } },
  });
  expect((await call(w, "GET", `${vm}/files?${at("/")}`)).body).toMatchObject({
    path: "/",
    files: [
      {
        name: "notes.txt",
        path: "/notes.txt",
        size: 17,
        is_dir: false,
        is_file: true,
        mtime: expect.any(Number),
      },
    ],
  });
  expect((await call(w, "GET", `${vm}/file-info?${at("/notes.txt")}`)).body).toMatchObject({
    ...{ path: "/notes.txt", info: { size: 17, mode: expect.anything(), mtime: expect.any(Number) } },
  });
  expect((await write("a?b=", { encoding: "base64" })).status).toBe(400);
  expect((await call(w, "GET", `${vm}/read-file?${at("/none")}`)).status).toBe(404);
  expect((await call(w, "GET", `/api/vms/unknown/read-file?${at("/none")}`)).status).toBe(404);
});

test.for([
  ["the path before the file", ["remote_path", "file"]],
  ["the file before its path", ["file", "remote_path"]],
] as const)("a form with %s is an upload, and what was uploaded is downloaded", async ([, order]) => {
  await using w = await serverWorld();
  const vm = `/api/vms/${await created(w)}`;
  const form = new FormData();
  const parts = { remote_path: "/dir/blob.bin", file: new Blob([new Uint8Array([0, 255, 10, 13])]) };
  for (const name of order) {
    if (name === "file") form.append(name, parts.file, "../../blob.bin");
    else form.append(name, parts.remote_path);
  }
  expect(await call(w, "POST", `${vm}/upload`, form)).toEqual({
    ...{ status: 200, body: { status: "uploaded", path: "/dir/blob.bin" } },
  });
  const download = await fetch(`${w.url}${vm}/download?${at("/dir/blob.bin")}`);
  expect(download.headers.get("content-type")).toBe("application/octet-stream");
  expect(download.headers.get("content-disposition")).toContain('attachment; filename="blob.bin"');
  expect([...(await download.bytes())]).toEqual([0, 255, 10, 13]);
  expect((await fetch(`${w.url}${vm}/download?${at("/none")}`)).status).toBe(404);
});

test("a service of the guest answers what is asked of it through the server", async () => {
  await using w = await serverWorld();
  const service = createServer(async (request, response) => {
    response.setHeader("x-seen", `${request.method} ${request.url} ${request.headers["x-own"]}`);
    response.statusCode = 418;
    response.end(await text(request));
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  const { port } = service.address() as AddressInfo;
  const vm = `/api/vms/${await created(w)}`;
  const asked = {
    port,
    path: "/a?b=1",
    method: "post",
    headers: { "x-own": "1" },
    json_body: { c: 1 },
    timeout: 30,
  };
  const answer = await call(w, "POST", `${vm}/http`, asked);
  expect(answer).toMatchObject({
    status: 200,
    body: { status_code: 418, headers: { "x-seen": "POST /a?b=1 1" }, body: '{"c":1}' },
  });
  expect((await call(w, "POST", `${vm}/http`, { port, body: "plain", method: "PUT" })).body).toMatchObject({
    ...{ status_code: 418, body: "plain" },
  });
  service.close();
});

test.skipIf(!existsSync("/usr/bin/python3"))(
  "Python's failure is a result, with what it printed",
  async () => {
    await using w = await serverWorld();
    const vm = `/api/vms/${await created(w)}`;
    const ran = await call(w, "POST", `${vm}/exec-python`, { code: "print(6*7)", cwd: "/tmp", timeout: 60 });
    expect(ran.body).toEqual({
      exit_code: 0,
      stdout: "42\n",
      stderr: "",
      output: "42\n",
      success: true,
      error: null,
      timed_out: false,
    });
    const failed = await call(w, "POST", `${vm}/exec-python`, { code: "1/0" });
    expect(failed).toMatchObject({ status: 200, body: { exit_code: 1, success: false } });
    expect(failed.body.error).toContain("ZeroDivisionError");
  },
);

test("a form with a Dockerfile is understood, and what is wrong in it is named", async () => {
  await using w = await serverWorld();
  const post = (fields: Record<string, string>, withFile = true) => {
    const form = new FormData();
    if (withFile) form.append("dockerfile", new Blob(["FROM scratch\n"]), "Dockerfile");
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return call(w, "POST", "/api/vms/from-dockerfile", form);
  };
  expect(await post({ metadata: "{" })).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining("metadata") },
  });
  expect(await post({ vcpu: "many" })).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining("vcpu") },
  });
  expect((await post({ name: "../x" })).status).toBe(422);
  expect((await call(w, "POST", "/api/vms/from-dockerfile", { dockerfile: "FROM scratch" })).status).toBe(
    415,
  );
  expect((await call(w, "GET", "/api/vms")).body).toEqual([]);
});

test("where access is open there is nothing to log in to, and everyone is known", async () => {
  await using w = await serverWorld();
  expect((await call(w, "GET", "/api/auth/check")).body).toMatchObject({ authenticated: true });
  expect((await call(w, "POST", "/api/auth/login", { password: "x" })).status).toBe(404);
  expect((await call(w, "POST", "/api/auth/logout")).body).toEqual({ status: "ok" });
});

test("a password opens a session, by cookie and by token, which keys are made and revoked with", async () => {
  await using w = await serverWorld({ closed: true });
  const login = await fetch(`${w.url}/api/auth/login`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ password: w.credentials?.password }),
  });
  const { token } = (await login.json()) as { token: string };
  const cookie = login.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^bandsox_session=[^;]+; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax/);
  const as = async (headers: Record<string, string>, path = "/api/auth/keys") =>
    (await fetch(`${w.url}${path}`, { headers })).json();
  expect(await as({ cookie: cookie.split(";")[0] ?? "" })).toMatchObject([
    { id: expect.any(String), name: "default" },
  ]);
  expect(await as({ authorization: `Bearer ${token}` }, "/api/auth/check")).toMatchObject({
    authenticated: true,
  });
  const made = await fetch(`${w.url}/api/auth/keys`, {
    ...{ method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` } },
    body: JSON.stringify({ name: "sdk" }),
  });
  const { key_id, key } = (await made.json()) as { key_id: string; key: string };
  expect(await as({ authorization: `Bearer ${key}` }, "/api/vms")).toEqual([]);
  const headers = { authorization: `Bearer ${key}` };
  const revoked = await fetch(`${w.url}/api/auth/keys/${key_id}`, { method: "DELETE", headers });
  expect(await revoked.json()).toEqual({ status: "revoked" });
  expect(await as({ authorization: `Bearer ${key}` }, "/api/vms")).toMatchObject({
    detail: expect.any(String),
  });
});
