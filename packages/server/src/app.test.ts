import { ROUTES } from "@bandsox/contract/api";
import { expect, test } from "vitest";
import { serverWorld } from "../../../test/support/server-world.ts";

test("a VM is created, listed, used and deleted with the first BandSox's fields", async () => {
  await using w = await serverWorld();
  const created = await w.app.inject({
    method: "POST",
    url: "/api/vms",
    payload: { image: "alpine", name: "one" },
  });
  expect(created.json()).toMatchObject({ status: "created" });
  const { id } = created.json();
  const [listed] = (await w.app.inject("/api/vms")).json();
  expect(listed).toMatchObject({
    id,
    name: "one",
    image: "alpine",
    status: "running",
    env_vars: {},
    mem_mib: 256,
  });
  expect(listed.created_at).toBeGreaterThan(1e9);
  const exec = await w.app.inject({
    method: "POST",
    url: `/api/vms/${id}/exec`,
    payload: { command: "echo hi; exit 3" },
  });
  expect(exec.json()).toMatchObject({ exit_code: 3, stdout: "hi\n", stderr: "" });
  expect((await w.app.inject({ method: "DELETE", url: `/api/vms/${id}` })).json()).toEqual({
    status: "deleted",
  });
  expect((await w.app.inject({ method: "DELETE", url: `/api/vms/${id}` })).json()).toEqual({
    status: "deleted",
  });
  expect((await w.app.inject("/api/vms")).json()).toEqual([]);
});

test("failures are problem documents with `detail`", async () => {
  await using w = await serverWorld();
  const answer = await w.app.inject("/api/vms/nobody");
  expect(answer.statusCode).toBe(404);
  expect(answer.headers["content-type"]).toContain("application/problem+json");
  expect(answer.json()).toMatchObject({
    code: "vm_not_found",
    detail: expect.stringContaining("nobody"),
    status: 404,
    retryable: false,
  });
});

test("the API is described, every operation of it", async () => {
  await using w = await serverWorld();
  const { openapi, paths } = (await w.app.inject("/openapi.json")).json();
  expect(openapi).toBe("3.1.0");
  for (const key of Object.keys(ROUTES)) {
    const [method = "", path = ""] = key.split(" ");
    expect(paths[path.replace(/:([a-z_]+)/g, "{$1}")], key).toHaveProperty(method.toLowerCase());
  }
});
