import { chmod, mkdir, writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { type WhereOptions, whereOf } from "./where.ts";

const server = (url: string) => ({ kind: "server", url, apiKey: undefined });

describe("where VMs are", () => {
  const cases: [WhereOptions, Record<string, string>, unknown][] = [
    [{}, {}, { kind: "storage", storageDir: undefined }],
    [{ storage: "/s" }, { BANDSOX_URL: "http://other" }, { kind: "storage", storageDir: "/s" }],
    [{}, { BANDSOX_URL: "https://box.example/" }, server("https://box.example")],
    [{}, { BANDSOX_URL: "" }, { kind: "storage", storageDir: undefined }],
    [{ url: "http://a:1/x/" }, { BANDSOX_URL: "http://b" }, server("http://a:1/x")],
    [{ host: "box" }, {}, server("http://box:8000")],
    [{ port: 9000 }, {}, server("http://127.0.0.1:9000")],
    [{ host: "::1", port: 1 }, {}, server("http://[::1]:1")],
  ];
  test.for(cases)("%j with %j is %j", async ([options, env, where]) => {
    expect(await whereOf(options, env)).toEqual(where);
  });

  test.for([
    [{ url: "http://a", storage: "/s" }, "--storage"],
    [{ url: "http://a", port: 1 }, "--port"],
    [{ url: "box" }, "http://"],
    [{ url: "file:///etc/passwd" }, "http://"],
  ] as const)("%j is refused", async ([options, words]) => {
    await expect(whereOf(options, {})).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(words),
    });
  });
});

describe("the key", () => {
  async function kept(content: string, mode = 0o600) {
    const home = await temporaryDirectory();
    await mkdir(`${home.path}/.bandsox`);
    await writeFile(`${home.path}/.bandsox/credentials`, content);
    await chmod(`${home.path}/.bandsox/credentials`, mode);
    return home;
  }
  const KEPT = JSON.stringify({ api_key: "kept", server_url: "http://box:8000" });
  const keyFor = async (url: string, env: Record<string, string>) => {
    const where = await whereOf({ url }, env);
    return where.kind === "server" && where.apiKey;
  };

  test("is the one that is kept, for the server it is kept for and no other", async () => {
    await using home = await kept(KEPT);
    expect(await keyFor("http://box:8000", { HOME: home.path })).toBe("kept");
    expect(await keyFor("http://evil:8000", { HOME: home.path })).toBeUndefined();
    expect(await keyFor("http://evil", { HOME: home.path, BANDSOX_API_KEY: "told" })).toBe("told");
  });

  test("is not taken from a file that others can read, or that holds none", async () => {
    await using open = await kept(KEPT, 0o644);
    await expect(keyFor("http://box:8000", { HOME: open.path })).rejects.toMatchObject({
      code: "permission_denied",
    });
    await using broken = await kept("{}");
    await expect(keyFor("http://box:8000", { HOME: broken.path })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
});
