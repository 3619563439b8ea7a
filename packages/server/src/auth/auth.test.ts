import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { serverWorld } from "../../../../test/support/server-world.ts";

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("where access is closed", () => {
  test("nobody unknown gets further than the door", async () => {
    await using w = await serverWorld({ closed: true });
    for (const url of ["/api/vms", "/metrics", "/openapi.json", "/docs", "/api/auth/keys"]) {
      expect((await w.app.inject(url)).statusCode, url).toBe(401);
    }
    expect((await w.app.inject("/healthz")).statusCode).toBe(200);
    expect((await w.app.inject("/api/auth/check")).json()).toMatchObject({
      authenticated: false,
      auth_enabled: true,
    });
    const forged = ["bsx_nonsense", "bss_nonsense", "", "a.b.c"];
    for (const key of forged) {
      expect((await w.app.inject({ url: "/api/vms", headers: bearer(key) })).statusCode).toBe(401);
      expect((await w.app.inject({ url: "/api/vms", cookies: { bandsox_session: key } })).statusCode).toBe(
        401,
      );
    }
  });

  test("a person logs in with the password and out again, which ends the session everywhere", async () => {
    await using w = await serverWorld({ closed: true });
    const { password = "" } = w.credentials ?? {};
    const login = await w.app.inject({ method: "POST", url: "/api/auth/login", payload: { password } });
    expect(login.json()).toMatchObject({ status: "ok", token: expect.any(String) });
    const cookie = login.cookies[0];
    expect(cookie).toMatchObject({
      name: "bandsox_session",
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
      maxAge: 86400,
    });
    const cookies = { bandsox_session: cookie!.value };
    expect((await w.app.inject({ url: "/api/vms", cookies })).statusCode).toBe(200);
    await w.app.inject({ method: "POST", url: "/api/auth/logout", cookies });
    expect((await w.app.inject({ url: "/api/vms", cookies })).statusCode).toBe(401);
  });

  test("keys do what their scope says, and nothing once they are void", async () => {
    let now = Date.now();
    await using w = await serverWorld({ closed: true, now: () => now });
    const call = async (key: string, method: "GET" | "POST" | "DELETE", url: string, payload?: object) =>
      (await w.app.inject({ method, url, headers: bearer(key), ...(payload ? { payload } : {}) })).statusCode;
    const read = w.auth.createKey({ name: "reader", scope: "read" });
    const exec = w.auth.createKey({ name: "runner", scope: "exec", expiresInMs: 60_000 });
    expect(await call(read.key, "GET", "/api/vms")).toBe(200);
    expect(await call(read.key, "POST", "/api/vms", { image: "alpine" })).toBe(403);
    expect(await call(exec.key, "POST", "/api/vms", { image: "alpine" })).toBe(200);
    expect(await call(exec.key, "GET", "/api/auth/keys")).toBe(403);
    now += 61_000;
    expect(await call(exec.key, "GET", "/api/vms")).toBe(401);
    w.auth.revokeKey(read.id);
    expect(await call(read.key, "GET", "/api/vms")).toBe(401);
  });

  test("keys are made, listed without their text, and revoked over the API", async () => {
    await using w = await serverWorld({ closed: true });
    const headers = bearer(w.credentials?.key ?? "");
    const made = await w.app.inject({
      method: "POST",
      url: "/api/auth/keys",
      headers,
      payload: { name: "ci" },
    });
    const { key, key_id } = made.json();
    expect(key).toMatch(/^bsx_[0-9a-f]{64}$/);
    const listed = await w.app.inject({ url: "/api/auth/keys", headers: bearer(key) });
    expect(listed.json()).toContainEqual(expect.objectContaining({ id: key_id, name: "ci", scope: "admin" }));
    expect(listed.body).not.toContain(key);
    const revoked = await w.app.inject({ method: "DELETE", url: `/api/auth/keys/${key_id}`, headers });
    expect(revoked.json()).toEqual({ status: "revoked" });
    expect((await w.app.inject({ url: "/api/vms", headers: bearer(key) })).statusCode).toBe(401);
    const again = await w.app.inject({ method: "DELETE", url: `/api/auth/keys/${key_id}`, headers });
    expect(again.statusCode).toBe(404);
  });

  test("a new password ends every session", async () => {
    await using w = await serverWorld({ closed: true });
    const session = await w.auth.logIn(w.credentials?.password ?? "");
    expect(w.auth.identify(session?.token ?? "")).toMatchObject({ scope: "admin" });
    await w.auth.setPassword("a better one");
    expect(w.auth.identify(session?.token ?? "")).toBeUndefined();
    expect(await w.auth.logIn(w.credentials?.password ?? "")).toBeUndefined();
    expect(await w.auth.logIn("a better one")).toBeDefined();
  });

  test("what is kept is readable to its owner alone, and holds no secret", async () => {
    await using w = await serverWorld({ closed: true });
    const mode = statSync(join(w.storageDir, "auth.db")).mode & 0o777;
    expect(mode).toBe(0o600);
    const { readFileSync } = await import("node:fs");
    const kept = ["auth.db", "auth.db-wal"]
      .map((name) => readFileSync(join(w.storageDir, name), "latin1"))
      .join("");
    expect(kept).not.toContain(w.credentials?.password);
    expect(kept).not.toContain(w.credentials?.key);
  });
});

test("guessing is bounded by address, and knowing the password is not", async () => {
  await using w = await serverWorld({ closed: true });
  const { password = "" } = w.credentials ?? {};
  const guess = async (text: string) =>
    (await w.app.inject({ method: "POST", url: "/api/auth/login", payload: { password: text } })).statusCode;
  for (let tries = 0; tries < 3; tries++) expect(await guess(password)).toBe(200);
  for (let tries = 0; tries < 10; tries++) expect(await guess("wrong")).toBe(401);
  expect(await guess(password)).toBe(429);
}, 30_000);

describe("pages of others", () => {
  test.for([
    ["another origin", { origin: "https://evil.example" }, 403],
    ["an origin of the same host on another port", { origin: "http://localhost:1234" }, 403],
    ["no page at all", { origin: "null" }, 403],
    ["another site, told by the browser alone", { "sec-fetch-site": "cross-site" }, 403],
    ["its own", { origin: "http://localhost:8000", host: "localhost:8000" }, 200],
    ["a name that was pointed here", { host: "evil.example", origin: "http://evil.example" }, 403],
  ] as const)("a change from %s is answered as it should be", async ([_, headers, status]) => {
    await using w = await serverWorld();
    const payload = { image: "alpine" };
    expect((await w.app.inject({ method: "POST", url: "/api/vms", payload, headers })).statusCode).toBe(
      status,
    );
  });

  test("nothing is read under a name that may be anybody's", async () => {
    await using w = await serverWorld();
    expect((await w.app.inject({ url: "/api/vms", headers: { host: "evil.example" } })).statusCode).toBe(403);
  });
});

test("no page of the server runs what is not its own", async () => {
  await using w = await serverWorld();
  const { headers } = await w.app.inject("/healthz");
  expect(headers["content-security-policy"]).toContain("default-src 'self'");
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(headers["x-content-type-options"]).toBe("nosniff");
});
