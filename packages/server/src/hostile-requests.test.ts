import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { type ApiRoute, ROUTES } from "@bandsox/contract/api";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { serverWorld } from "../../../test/support/server-world.ts";
import { attachment } from "./routes/attachment.ts";

describe("ids and names from outside", () => {
  test.for(["%2e%2e", "..%2f..", "%2fetc%2fpasswd", "a%00b", "%ff", "ｖｍ", "x".repeat(300), "a%0d%0ab"])(
    "%s names no VM, no snapshot and nothing else",
    async (id) => {
      await using w = await serverWorld();
      const before = readdirSync(w.storageDir).sort();
      for (const path of [`/api/vms/${id}`, `/api/snapshots/${id}`]) {
        for (const method of ["GET", "DELETE"] as const) {
          const { statusCode } = await w.app.inject({ method, url: path });
          expect([400, 404, 414, 422], `${method} ${path}`).toContain(statusCode);
        }
      }
      expect(readdirSync(w.storageDir).sort()).toEqual(before);
    },
  );

  test("a snapshot's name is no path", async () => {
    await using w = await serverWorld();
    const vm = await w.bandsox.createVm("alpine");
    for (const name of ["../../x", "/etc/x", "a/b", "a\0b", "snap_x", ".", ".."]) {
      const answer = await w.app.inject({
        method: "POST",
        url: `/api/vms/${vm.id}/snapshot`,
        payload: { name },
      });
      expect(answer.statusCode, name).toBe(422);
    }
    expect(await w.bandsox.snapshots.list()).toEqual([]);
  });
});

describe("bodies", () => {
  test("one that is too large, of another kind, or no JSON is refused as such", async () => {
    await using w = await serverWorld();
    const post = async (payload: string, type = "application/json") =>
      (await w.app.inject({ method: "POST", url: "/api/vms", payload, headers: { "content-type": type } }))
        .statusCode;
    expect(await post(JSON.stringify({ image: "x".repeat(2_000_000) }))).toBe(413);
    expect(await post("image=alpine", "application/x-www-form-urlencoded")).toBe(415);
    expect(await post("{", "application/json")).toBe(400);
    expect(await post('{"__proto__": {"a": 1}, "image": "alpine"}')).toBe(400);
    expect(await post("[]")).toBe(422);
    expect(await w.bandsox.listVms()).toEqual([]);
  });

  test("base64 that is none is refused, and nothing is written", async () => {
    await using w = await serverWorld();
    const vm = await w.bandsox.createVm("alpine");
    const payload = { path: "/tmp/x", content: "a?b=", encoding: "base64" };
    const answer = await w.app.inject({ method: "POST", url: `/api/vms/${vm.id}/write-file`, payload });
    expect(answer.statusCode).toBe(400);
  });
});

test("a WebSocket from another origin is refused before it is one", async () => {
  await using w = await serverWorld();
  const { port } = new URL(w.url);
  const socket = connect(Number(port), "127.0.0.1");
  const lines = [
    ...["GET /api/vms/x/terminal HTTP/1.1", `Host: 127.0.0.1:${port}`, "Origin: http://evil.example"],
    ...["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const [answer] = await new Promise<[Buffer]>((resolve) => socket.once("data", (data) => resolve([data])));
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 403/);
  socket.destroy();
});

test("a key that may only use VMs reads no file of the host as an image", async () => {
  await using w = await serverWorld({ closed: true });
  const { key } = w.auth.createKey({ name: "user", scope: "exec" });
  const headers = { authorization: `Bearer ${key}` };
  for (const image of [
    "dir:/etc",
    "ext4:/dev/sda",
    "tar:/root/x.tar",
    "oci:/x",
    "docker-archive:/x",
    "./x",
  ]) {
    const { statusCode } = await w.app.inject({
      method: "POST",
      url: "/api/vms",
      headers,
      payload: { image },
    });
    expect(statusCode, image).toBe(403);
  }
});

test("a key that may only use VMs opens no network near the host, and none of its ports", async () => {
  await using w = await serverWorld({ closed: true });
  const { key } = w.auth.createKey({ name: "user", scope: "exec" });
  const headers = { authorization: `Bearer ${key}` };
  const ask = async (method: "POST" | "PUT", url: string, payload: object) =>
    (await w.app.inject({ method, url, headers, payload })).json().code;
  for (const network of [
    { egress: "open" },
    { egress: { allow: ["10.0.0.0/8"] } },
    { ports: [{ guest: 80, host: 80 }] },
    { mode: "user" },
    { cni: "host" },
  ]) {
    const body = { image: "alpine", enable_networking: network };
    expect(await ask("POST", "/api/vms", body), JSON.stringify(network)).toBe("scope_missing");
  }
  const asked = await ask("POST", "/api/vms", { image: "alpine", enable_networking: { egress: "none" } });
  expect(asked).toBe("networking_unavailable"); // the engine of the test has none
  const vm = await w.bandsox.createVm("alpine");
  await vm.snapshot({ name: "saved" });
  const open = { enable_networking: { egress: "open" } };
  expect(await ask("POST", "/api/snapshots/saved/restore", open)).toBe("scope_missing");
  expect(await ask("POST", `/api/vms/${vm.id}/fork`, open)).toBe("scope_missing");
  const egress = `/api/vms/${vm.id}/network/egress`;
  expect(await ask("PUT", egress, { egress: "open" })).toBe("scope_missing");
  expect(await ask("PUT", egress, { egress: { deny: ["1.1.1.1"] } })).toBe("scope_missing");
  expect(await ask("PUT", egress, { egress: "none" })).toBe("network_missing");
});

test("a file's name ends no header, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const header = attachment(`/dir/${name}`);
      expect(header).toMatch(
        /^attachment; filename="[A-Za-z0-9._ -]*"; filename\*=UTF-8''[A-Za-z0-9%._~!$&+^`|-]*$/,
      );
    }),
  );
});

test("no request from the API's own description makes the server fail", async () => {
  await using w = await serverWorld();
  const skipped = new Set(["GET /api/vms/:id/console", "GET /api/vms/:id/vmm-log"]); // may follow for ever
  const keys = Object.keys(ROUTES).filter((key) => !skipped.has(key));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...keys),
      fc.string({ maxLength: 40 }),
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom("path", "limit", "offset", "follow", "since", "image", "force"),
        fc.string(),
      ),
      async (key, id, body, query) => {
        const [method = "GET", path = ""] = key.split(" ");
        const route = ROUTES[key as keyof typeof ROUTES] as ApiRoute;
        const url = `${path.replace(/:[a-z_]+/g, () => encodeURIComponent(id))}?${new URLSearchParams(query)}`;
        const payload = route.body
          ? { payload: JSON.stringify(body), headers: { "content-type": "application/json" } }
          : {};
        const { statusCode, body: answer } = await w.app.inject({ method: method as "GET", url, ...payload });
        expect(statusCode, `${key} ${answer.slice(0, 300)}`).toBeLessThan(500);
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

test("a VM the host has no memory for is refused, and who asks is told when to ask again", async () => {
  await using w = await serverWorld({ availableMib: async () => 300 });
  const payload = { image: "alpine", mem_mib: 512 };
  const answer = await w.app.inject({ method: "POST", url: "/api/vms", payload });
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({
    code: "capacity_exhausted",
    retryable: true,
    details: { wantedMib: 512, position: 1 },
  });
  expect(answer.headers["retry-after"]).toBe("5");
  expect(await w.bandsox.listVms()).toEqual([]);
});

test("a key makes no more VMs than it may", async () => {
  await using w = await serverWorld({ closed: true });
  const { key } = w.auth.createKey({ name: "small", scope: "exec", maxVms: 1 });
  const create = () => {
    const headers = { authorization: `Bearer ${key}` };
    return w.app.inject({ method: "POST", url: "/api/vms", headers, payload: { image: "alpine" } });
  };
  const { id } = (await create()).json();
  expect((await create()).json()).toMatchObject({
    code: "limit_reached",
    details: { limit: "max_vms", max: 1 },
  });
  await (await w.bandsox.getVm(id)).delete();
  expect((await create()).statusCode).toBe(200);
});

test("a creation with the key of another is the same creation", async () => {
  await using w = await serverWorld();
  const create = (payload: object) =>
    w.app.inject({ method: "POST", url: "/api/vms", headers: { "idempotency-key": "k1" }, payload });
  const [first, second] = await Promise.all([create({ image: "alpine" }), create({ image: "alpine" })]);
  expect(second.json().id).toBe(first.json().id);
  expect((await create({ image: "other" })).json()).toMatchObject({ code: "idempotency_key_reused" });
  expect(await w.bandsox.listVms()).toHaveLength(1);
});

test("metrics tell VMs by state and requests by route", async () => {
  await using w = await serverWorld();
  await w.app.inject({ method: "POST", url: "/api/vms", payload: { image: "alpine" } });
  const { body } = await w.app.inject("/metrics");
  expect(body).toContain('bandsox_vms{state="running"} 1');
  expect(body).toContain('route="/api/vms",method="POST",status="200"');
  const [vm] = await w.bandsox.listVms();
  const of = `vm="${vm?.id}",name="${vm?.name}"`;
  expect(body).toContain(`bandsox_vmm_disk_bytes_total{${of},direction="written"} 1048576`);
  expect(body).toContain(`bandsox_vmm_disk_throttled_total{${of}} 4`);
  await w.bandsox.getVm(vm?.id ?? "").then((one) => one.delete());
  expect((await w.app.inject("/metrics")).body).not.toContain(`bandsox_vmm_disk_bytes_total{${of}`);
});
