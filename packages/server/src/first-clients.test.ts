import { expect, test } from "vitest";
import { type ServerWorld, serverWorld } from "../../../test/support/server-world.ts";

/** Requests as the first BandSox's Python client and TypeScript SDK send them. */
async function call(w: ServerWorld, method: string, path: string, body?: unknown) {
  const init: RequestInit = { method, headers: { "content-type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(`${w.url}${path}`, init);
  return {
    status: response.status,
    body: (await response.json()) as Record<string, never> & { detail?: string },
  };
}

async function created(w: ServerWorld): Promise<string> {
  return (await call(w, "POST", "/api/vms", { image: "alpine" })).body.id as unknown as string;
}

test("both list addresses give the same records, and filter by metadata", async () => {
  await using w = await serverWorld();
  await call(w, "POST", "/api/vms", { image: "alpine", name: "a", metadata: { team: "x" } });
  await call(w, "POST", "/api/vms", {
    image: "alpine",
    name: "b",
    vcpu: 1,
    mem_mib: 128,
    env_vars: { A: "1" },
  });
  const all = await call(w, "GET", "/api/vms");
  expect((await call(w, "GET", "/api/projects")).body).toEqual(all.body);
  const filter = encodeURIComponent(JSON.stringify({ team: "x" }));
  const some = (await call(w, "GET", `/api/vms?limit=5&metadata_equals=${filter}`))
    .body as unknown as object[];
  expect(some).toMatchObject([{ name: "a" }]);
  expect((await call(w, "GET", "/api/vms?metadata_equals=nonsense")).body).toHaveLength(2);
});

test("the life of a VM has the first one's words, without a body where none is needed", async () => {
  await using w = await serverWorld();
  const id = await created(w);
  expect((await call(w, "POST", `/api/vms/${id}/pause`)).body).toEqual({ status: "paused" });
  expect((await call(w, "POST", `/api/vms/${id}/resume`)).body).toEqual({ status: "resumed" });
  expect((await call(w, "PUT", `/api/vms/${id}/metadata`, { metadata: { a: 1 } })).body).toBeNull();
  expect((await call(w, "PUT", `/api/vms/${id}/name`, { name: "new" })).body).toEqual({
    status: "renamed",
    name: "new",
  });
  expect((await call(w, "POST", `/api/vms/${id}/stop`)).body).toEqual({ status: "stopped" });
  expect((await call(w, "POST", `/api/vms/${id}/pause`)).status).toBe(409);
  expect((await call(w, "POST", "/api/vms/unknown/pause")).status).toBe(404);
});

test("a snapshot has the Python client's name, and is restored without one", async () => {
  await using w = await serverWorld();
  const id = await created(w);
  const taken = await call(w, "POST", `/api/vms/${id}/snapshot`, { name: `${id}-snapshot`, metadata: null });
  const snapshot = taken.body.snapshot_id as unknown as string;
  expect((await call(w, "GET", "/api/snapshots")).body).toMatchObject([
    { id: snapshot, snapshot_name: `${id}-snapshot`, source_vm_id: id, vcpu: 1, image: "alpine" },
  ]);
  const restored = await call(w, "POST", `/api/snapshots/${snapshot}/restore`, {
    name: null,
    enable_networking: true,
  });
  expect(restored).toMatchObject({ status: 200, body: { status: "restored", id: expect.any(String) } });
  const named = await call(w, "PUT", `/api/snapshots/${snapshot}/name`, { name: "label" });
  expect(named.body).toEqual({ status: "renamed", name: "label" });
  expect(
    (await call(w, "PUT", `/api/snapshots/${snapshot}/metadata`, { metadata: { a: 1 } })).body,
  ).toMatchObject({
    metadata: { a: 1 },
  });
  expect((await call(w, "DELETE", "/api/snapshots/unknown")).status).toBe(404);
});

test("a command's failure is a result, and one that takes too long is not", async () => {
  await using w = await serverWorld();
  const id = await created(w);
  const failed = await call(w, "POST", `/api/vms/${id}/exec`, { command: "echo a; exit 2", timeout: 30 });
  expect(failed).toMatchObject({ status: 200, body: { exit_code: 2, stdout: "a\n", stderr: "" } });
  expect((await call(w, "POST", `/api/vms/${id}/exec`, { timeout: 30 })).status).toBe(422);
  expect((await call(w, "POST", "/api/vms/unknown/exec", { command: "true" })).status).toBe(404);
});

test("the terminal speaks base64 in text to those who know no frames", async () => {
  await using w = await serverWorld();
  const id = await created(w);
  const socket = new WebSocket(`${w.url.replace("http", "ws")}/api/vms/${id}/terminal?cols=80&rows=24`, [
    "bandsox.terminal",
    `bandsox.auth.${Buffer.from("no token").toString("base64url")}`,
  ]);
  let seen = "";
  const prompted = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    seen += Buffer.from(String(data), "base64").toString("utf8");
    if (seen.includes("sum 42")) prompted.resolve();
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  expect(socket.protocol).toBe("bandsox.terminal");
  socket.send("not json");
  socket.send(JSON.stringify({ type: "resize", cols: 100, rows: 40 }));
  socket.send(
    JSON.stringify({ type: "input", data: Buffer.from("echo sum $((40+2))\n").toString("base64") }),
  );
  await prompted.promise;
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve as never));
  socket.send(JSON.stringify({ type: "input", data: Buffer.from("exit\n").toString("base64") }));
  expect((await closed).code).toBe(1000);
});

test("a terminal of nobody, or of no VM, is closed with the first one's codes", async () => {
  await using w = await serverWorld({ closed: true });
  const closeCode = async (path: string) => {
    const socket = new WebSocket(`${w.url.replace("http", "ws")}${path}`);
    return (await new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve as never)))
      .code;
  };
  expect(await closeCode("/api/vms/x/terminal")).toBe(4001);
  expect(await closeCode(`/api/vms/x/terminal?token=${w.credentials?.key}`)).toBe(4004);
});
