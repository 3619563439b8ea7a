import { expect, test } from "vitest";
import { serverWorld } from "../support/server-world.ts";
import { httpReference } from "./http-reference.ts";

test("the page that describes the HTTP API is up to date: `npm run docs` writes it", async () => {
  await using w = await serverWorld();
  const page = httpReference((await w.app.inject("/openapi.json")).json());
  expect(page).toContain("### POST /api/vms\n");
  await expect(page).toMatchFileSnapshot("../../docs/api/http.md");
});
