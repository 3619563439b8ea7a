import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { type ApiRoute, ROUTES } from "@bandsox/contract/api";
import { describe, expect, test } from "vitest";
import { serverWorld } from "../../../test/support/server-world.ts";

const HOSTILE_SEGMENTS = [
  ...["%2e%2e", "..%2f..%2fetc", "%2fetc%2fpasswd", "a%00b", "%ff", "%c0%ae%c0%ae", "%252e%252e"],
  ...[
    "%EF%BD%96%EF%BD%8D",
    "a%0d%0aX-Evil:1",
    "%E2%80%AE",
    "-x",
    ".",
    "~",
    "%20",
    "x".repeat(300),
    "%5c..%5c",
  ],
];
const HOSTILE_NAMES = [
  ...["../x", "..", ".", "/etc/x", "a/b", "a\0b", "a\r\nb", "ｖｍ", "a‮b", "-rf", "", " ", "x".repeat(300)],
];
const HOSTILE_PATHS = ["relative", "/a\0b", "", "../x", `/${"x".repeat(5000)}`];
const REFUSED = [400, 404, 405, 414, 422];
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("what names something", () => {
  const routes = Object.keys(ROUTES).filter((key) => key.includes("/:"));

  test.for(HOSTILE_SEGMENTS)("the path segment %s names nothing, in any operation", async (segment) => {
    await using w = await serverWorld();
    const before = readdirSync(w.storageDir, { recursive: true }).sort();
    for (const key of routes) {
      const [method = "GET", path = ""] = key.split(" ");
      const { statusCode, body } = await w.app.inject({
        method: method as "GET",
        url: path.replace(/:[a-z_]+/g, segment),
        ...(method === "GET" || method === "DELETE" ? {} : { payload: {} }),
      });
      // What is not there is deleted already, as in the first BandSox.
      const allowed = key === "DELETE /api/vms/:id" ? [...REFUSED, 200, 415] : [...REFUSED, 415];
      expect(allowed, `${key} answered ${statusCode} ${body.slice(0, 200)}`).toContain(statusCode);
    }
    expect(readdirSync(w.storageDir, { recursive: true }).sort()).toEqual(before);
  });

  test.for(HOSTILE_NAMES)("nothing is given the name %j", async (name) => {
    await using w = await serverWorld({ closed: true });
    const vm = await w.bandsox.createVm("alpine");
    const { id } = await vm.snapshot();
    const before = readdirSync(w.storageDir, { recursive: true }).length;
    const headers = bearer(w.credentials?.key ?? "");
    const requests = [
      ["POST", "/api/vms", { image: "alpine", name }],
      ["PUT", `/api/vms/${vm.id}/name`, { name }],
      ["POST", `/api/vms/${vm.id}/snapshot`, { name }],
      ["PUT", `/api/snapshots/${id}/name`, { name }],
      ["POST", `/api/snapshots/${id}/restore`, { name }],
      ["POST", `/api/snapshots/import?name=${encodeURIComponent(name)}`, undefined],
      ["POST", "/api/snapshots/pull", { reference: "r.example/a:1", name }],
    ] as const;
    for (const [method, url, payload] of requests) {
      const { statusCode } = await w.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
      expect(REFUSED, `${method} ${url}`).toContain(statusCode);
    }
    expect(readdirSync(w.storageDir, { recursive: true })).toHaveLength(before);
  });

  test.for(HOSTILE_PATHS)("no file of a guest is at %j", async (path) => {
    await using w = await serverWorld();
    const vm = await w.bandsox.createVm("alpine");
    const query = new URLSearchParams({ path });
    for (const key of Object.keys(ROUTES)) {
      const [method = "GET", url = ""] = key.split(" ");
      const { query: asked, body } = ROUTES[key as keyof typeof ROUTES] as ApiRoute;
      const inQuery = asked && "path" in asked.shape;
      if (!url.includes("/:id/") || (!inQuery && !hasPath(body))) continue;
      const payload = inQuery
        ? {}
        : { payload: { path, from: path, to: path, remote_path: path, ...FILLERS } };
      const { statusCode } = await w.app.inject({
        method: method as "GET",
        url: `${url.replace(":id", vm.id)}${inQuery ? `?${query}` : ""}`,
        ...payload,
      });
      expect([...REFUSED, 415], `${key} with ${JSON.stringify(path).slice(0, 40)}`).toContain(statusCode);
    }
  });
});

const FILLERS = { content: "", mode: 0o644, target: "x" };

function hasPath(body: ApiRoute["body"]): boolean {
  const shape = body && "shape" in body ? (body.shape as object) : {};
  return "path" in shape || "from" in shape || "remote_path" in shape;
}

describe("who calls", () => {
  test("a forged, an ended and a foreign cookie are nobody's, also to a WebSocket", async () => {
    let now = Date.now();
    await using w = await serverWorld({ closed: true, now: () => now });
    const session = await w.auth.logIn(w.credentials?.password ?? "");
    const token = session?.token ?? "";
    const status = async (value: string) =>
      (await w.app.inject({ url: "/api/vms", headers: { cookie: `bandsox_session=${value}` } })).statusCode;
    expect(await status(token)).toBe(200);
    const forged = [token.slice(0, -1), `${token}a`, token.toUpperCase(), `"${token}`, "admin", "%00", "{}"];
    for (const value of forged) expect(await status(value), value).toBe(401);
    now += 86_400_000;
    expect(await status(token)).toBe(401);
    const socket = new WebSocket(`${w.url.replace("http", "ws")}/api/events/follow`, {
      headers: { cookie: `bandsox_session=${token}` },
    } as never);
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve as never));
    expect((await closed).code).toBe(4001);
  });

  test("a key in the address opens a terminal, as the first clients need, and nothing else", async () => {
    await using w = await serverWorld({ closed: true });
    const { statusCode } = await w.app.inject(`/api/vms?token=${w.credentials?.key}`);
    expect(statusCode).toBe(401);
  });

  test.for(["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "file://"])(
    "a WebSocket of the origin %s is refused on every path",
    async (origin) => {
      await using w = await serverWorld();
      const paths = [
        "vms/x/terminal",
        "vms/x/exec",
        "vms/x/tcp?port=1",
        "vms/x/watch?path=/",
        "events/follow",
      ];
      for (const path of [...paths, "vms/x/logs", "vms/x/sessions/s/attach"]) {
        expect(await upgrade(w.url, `/api/${path}`, [`Origin: ${origin}`]), path).toMatch(/^HTTP\/1\.1 403/);
      }
    },
  );

  test("what says who calls is in no line of the log, and each line says which request it is of", async () => {
    const lines: string[] = [];
    await using w = await serverWorld({ closed: true, log: (line) => lines.push(line) });
    const { key = "", password = "" } = w.credentials ?? {};
    const answer = await w.app.inject({ url: `/api/vms?token=${key}`, headers: bearer(key) });
    await w.app.inject({ method: "POST", url: "/api/auth/login", payload: { password } });
    await w.app.inject({ url: `/api/${key}?token=${key}` });
    await upgrade(w.url, `/api/vms/x/terminal?token=${key}`, []);
    const text = lines.join("");
    expect(text).toContain('"msg":"request answered"');
    expect(lines.some((line) => line.includes(String(answer.headers["x-request-id"])))).toBe(true);
    for (const secret of [password, `token=${key}`, `Bearer ${key}`]) expect(text).not.toContain(secret);
  });
});

describe("limits of a key", () => {
  test("of many creations at once no more succeed than it may have VMs, or memory", async () => {
    await using w = await serverWorld({ closed: true });
    const create = (key: string) =>
      w.app.inject({ method: "POST", url: "/api/vms", headers: bearer(key), payload: { image: "alpine" } });
    const codes = async (key: string) =>
      (await Promise.all(Array.from({ length: 5 }, () => create(key))))
        .map(({ statusCode }) => statusCode)
        .sort();
    const two = w.auth.createKey({ name: "two", scope: "exec", maxVms: 2 });
    expect(await codes(two.key)).toEqual([200, 200, 429, 429, 429]);
    const half = w.auth.createKey({ name: "half", scope: "exec", maxMemoryMib: 512 });
    expect(await codes(half.key)).toEqual([200, 200, 429, 429, 429]);
  });

  test("a fork and a start count, and nobody gets around by stopping first", async () => {
    await using w = await serverWorld({ closed: true });
    const { key } = w.auth.createKey({ name: "half", scope: "exec", maxVms: 3, maxMemoryMib: 512 });
    const post = async (url: string, payload: object = {}) =>
      w.app.inject({ method: "POST", url, headers: bearer(key), payload });
    const { id } = (await post("/api/vms", { image: "alpine" })).json();
    expect((await post(`/api/vms/${id}/fork`, { count: 3 })).statusCode).toBe(429);
    await post(`/api/vms/${id}/stop`);
    for (let made = 0; made < 2; made++)
      expect((await post("/api/vms", { image: "alpine" })).statusCode).toBe(200);
    expect((await post(`/api/vms/${id}/start`)).json()).toMatchObject({
      code: "limit_reached",
      details: { limit: "max_memory_mib", max: 512 },
    });
  });

  test("it has no more calls under way than it may, streams among them, and more when those have ended", async () => {
    await using w = await serverWorld({ closed: true });
    await w.bandsox.createVm("alpine"); // the stream has something to begin with
    const { key } = w.auth.createKey({ name: "one", scope: "exec", maxConcurrent: 1 });
    const stream = new AbortController();
    const follow = { headers: { ...bearer(key), accept: "application/x-ndjson" }, signal: stream.signal };
    const first = await fetch(`${w.url}/api/events?follow=1`, follow);
    expect(first.status).toBe(200);
    const second = await fetch(`${w.url}/api/vms`, { headers: bearer(key) });
    expect(await second.json()).toMatchObject({
      code: "limit_reached",
      details: { limit: "max_concurrent" },
    });
    stream.abort();
    await expect
      .poll(async () => (await fetch(`${w.url}/api/vms`, { headers: bearer(key) })).status, {
        timeout: 30_000,
      })
      .toBe(200);
  });
});

describe("bodies that do not come", () => {
  test.for([
    ["JSON", "POST /api/vms", "application/json"],
    ["a file's bytes", "PUT /api/vms/ID/file?path=/x", "application/octet-stream"],
    ["a form", "POST /api/vms/ID/upload", "multipart/form-data; boundary=x"],
    ["a tree", "PUT /api/vms/ID/tree?path=/", "application/x-tar"],
    ["a snapshot", "POST /api/snapshots/import", "application/octet-stream"],
  ] as const)("%s is given up, and nothing was made", async ([, request, type]) => {
    await using w = await serverWorld({ bodyPatienceMs: 200 });
    const vm = await w.bandsox.createVm("alpine");
    const lines = [
      ...[`${request.replace("ID", vm.id)} HTTP/1.1`, `Host: ${new URL(w.url).host}`],
      ...[`Content-Type: ${type}`, "Content-Length: 1000", "", "{"],
    ];
    expect(await exchange(w.url, lines.join("\r\n"))).toMatch(/^HTTP\/1\.1 408[\s\S]*body_too_slow/);
    await expect(vm.files.stat("/x")).rejects.toMatchObject({ code: "file_not_found" });
    expect(await w.bandsox.listVms()).toHaveLength(1);
    expect(await w.bandsox.snapshots.list()).toEqual([]);
  });

  test("one that says it is larger than is taken is refused before it comes", async () => {
    await using w = await serverWorld();
    const lines = [
      "POST /api/vms HTTP/1.1",
      `Host: ${new URL(w.url).host}`,
      "Content-Type: application/json",
    ];
    const answer = await exchange(w.url, [...lines, "Content-Length: 99999999999", "", "{"].join("\r\n"));
    expect(answer).toMatch(/^HTTP\/1\.1 413[\s\S]*body_too_large/);
  });
});

test("a file's name ends no header of a download", async () => {
  await using w = await serverWorld();
  const vm = await w.bandsox.createVm("alpine");
  const path = '/a"; filename=evil\r\nX-Evil: 1\r\n\r\n<script>';
  await vm.files.write(path, "x");
  const answer = await w.app.inject(`/api/vms/${vm.id}/download?${new URLSearchParams({ path })}`);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["x-evil"]).toBeUndefined();
  expect(answer.headers["content-disposition"]).toMatch(
    /^attachment; filename="[A-Za-z0-9._ -]*"; filename\*=UTF-8''/,
  );
});

/** What a raw request is answered with, until the server closes or has said enough. */
async function exchange(url: string, request: string): Promise<string> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(request);
  let answer = "";
  for await (const chunk of socket) {
    answer += chunk;
    if (answer.includes("\r\n\r\n") && answer.trimEnd().endsWith("}")) break;
  }
  return answer;
}

/** The first words of the answer to a WebSocket's handshake. */
async function upgrade(url: string, path: string, headers: readonly string[]): Promise<string> {
  const { port, hostname, host } = new URL(url);
  const lines = [
    ...[`GET ${path} HTTP/1.1`, `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade", ...headers],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""],
  ];
  const socket = connect(Number(port), hostname);
  socket.write(lines.join("\r\n"));
  try {
    return await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
  } finally {
    socket.destroy();
  }
}
