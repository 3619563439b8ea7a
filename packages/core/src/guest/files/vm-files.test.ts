import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { filesWorld } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";

describe("reading and writing", () => {
  test("what was written is read, whatever the bytes", async () => {
    await using w = await filesWorld();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 256));
    const entry = await w.files.write("/deep/er/file", bytes, { mode: 0o640 });
    expect(entry).toMatchObject({ path: "/deep/er/file", type: "file", size: 300_000, mode: 0o640 });
    expect(await w.files.read("/deep/er/file")).toEqual(bytes);
    expect(await w.files.read("/deep/er/file", { offset: 7, length: 5 })).toEqual(bytes.subarray(7, 12));
  });

  test("an empty file is one", async () => {
    await using w = await filesWorld();
    await w.files.write("/empty", "");
    expect(await w.files.read("/empty")).toHaveLength(0);
  });

  test("text, pieces and appended pieces become one file", async () => {
    await using w = await filesWorld();
    async function* content() {
      yield "a€";
      yield Buffer.from([0xff]);
    }
    await w.files.write("/f", content());
    await w.files.append("/f", "end");
    expect(await w.files.readText("/f")).toBe("a€\ufffdend");
    expect(await readFile(`${w.root}/f`)).toEqual(
      Buffer.from([0x61, 0xe2, 0x82, 0xac, 0xff, 0x65, 0x6e, 0x64]),
    );
  });

  test("a stream that fails leaves the old file and is the error that is told", async () => {
    await using w = await filesWorld();
    await w.files.writeText("/f", "old");
    async function* content() {
      yield "new";
      throw new Error("mine");
    }
    await expect(w.files.write("/f", content())).rejects.toThrow("mine");
    expect(await w.files.readText("/f")).toBe("old");
  });

  test("a stream can be left early", async () => {
    await using w = await filesWorld();
    await w.files.write("/f", Buffer.alloc(1_000_000, 1));
    for await (const piece of w.files.readStream("/f")) {
      expect(piece[0]).toBe(1);
      break;
    }
    expect(await w.files.exists("/f")).toBe(true);
  });

  test("what is too large for memory is refused before it travels", async () => {
    await using w = await filesWorld();
    await w.files.write("/f", Buffer.alloc(1000));
    await expect(w.files.read("/f", { maxBytes: 999 })).rejects.toMatchObject({
      code: "file_too_large",
      details: { limitBytes: 999 },
    });
    expect(await w.files.read("/f", { maxBytes: 10, length: 10 })).toHaveLength(10);
  });

  test("lines come with what surrounds them", async () => {
    await using w = await filesWorld();
    await w.files.writeText("/f", "a\nb\nc\nd\n");
    expect(await w.files.readLines("/f")).toBe("a\nb\nc\nd\n");
    expect(await w.files.readLines("/f", { offset: 1, limit: 2, showLineNumbers: true })).toBe(
      "... skipped 1 lines\n2\tb\n3\tc\n... 1 lines left",
    );
  });
});

describe("directories and names", () => {
  test("a directory of more than a page is listed whole", async () => {
    await using w = await filesWorld();
    await Promise.all(Array.from({ length: 2345 }, (_, n) => writeFile(`${w.root}/n${n}`, "")));
    const names = (await w.files.list("/")).map(({ name }) => name);
    expect(new Set(names).size).toBe(2345);
    expect(w.guest.requests).toHaveLength(3);
    await expect(w.files.list("/", { maxEntries: 2344 })).rejects.toMatchObject({ code: "too_many_files" });
  });

  test("entries are made, moved, copied and removed", async () => {
    await using w = await filesWorld();
    await w.files.mkdir("/a/b", { parents: true });
    await w.files.writeText("/a/b/f", "x");
    await w.files.copy("/a", "/c", { recursive: true });
    await w.files.rename("/c/b/f", "/g");
    await w.files.symlink("/g", "/l");
    expect(await w.files.stat("/l", { follow: false })).toMatchObject({ type: "symlink", target: "/g" });
    expect(await w.files.chmod("/g", 0o600)).toMatchObject({ mode: 0o600 });
    expect(await w.files.chown("/g", { uid: 0 })).toMatchObject({ path: "/g" });
    await expect(w.files.remove("/a")).rejects.toMatchObject({ code: "directory_not_empty" });
    await w.files.remove("/a", { recursive: true });
    await w.files.remove("/a", { missingOk: true });
    expect((await w.files.list("/")).map(({ name }) => name)).toEqual(["c", "g", "l"]);
  });

  test("what is not there does not exist, and nothing else is taken for that", async () => {
    await using w = await filesWorld({
      intercept: async (request, response) => {
        if (
          request.headers["content-length"] !== String(JSON.stringify({ path: "/odd", follow: true }).length)
        )
          return false;
        response.writeHead(403).end('{"code":"permission_denied","message":"EACCES"}');
        return true;
      },
    });
    await writeFile(`${w.root}/file`, "");
    await symlink("/nowhere", `${w.root}/dead`);
    expect(await w.files.exists("/file")).toBe(true);
    expect(await w.files.exists("/missing")).toBe(false);
    expect(await w.files.exists("/file/below")).toBe(false);
    expect(await w.files.exists("/dead")).toBe(false);
    await expect(w.files.exists("/odd")).rejects.toMatchObject({ code: "file_permission_denied" });
  });

  test("errors say what was attempted, on what, where, and why", async () => {
    await using w = await filesWorld();
    await expect(w.files.read("/none")).rejects.toMatchObject({
      code: "file_not_found",
      message: expect.stringMatching(/^cannot read \/none in vm_000000000000: ENOENT/),
      details: { path: "/none", vmId: "vm_000000000000" },
    });
    await mkdir(`${w.root}/d`);
    await expect(w.files.read("/d")).rejects.toMatchObject({ code: "is_directory" });
    await w.files.writeText("/f", "");
    await expect(w.files.rename("/d", "/f", { replace: false })).rejects.toMatchObject({
      code: "file_exists",
    });
  });

  test.for([
    ["a relative path", "file"],
    ["an empty path", ""],
    ["a NUL", "/a\0b"],
  ])("%s is refused before anything is asked", async ([, path]) => {
    await using w = await filesWorld();
    await expect(w.files.read(path ?? "")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(w.files.uploadFile("/etc/hostname", path ?? "")).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(w.guest.requests).toEqual([]);
  });

  test("a mode beyond twelve bits is refused", async () => {
    await using w = await filesWorld();
    await expect(w.files.chmod("/", 0o10000)).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await stat(w.root)).isDirectory()).toBe(true);
  });
});
