import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@bandsox/testkit";
import fc from "fast-check";
import { Header } from "tar";
import { describe, expect, test, vi } from "vitest";
import { ArchiveError } from "./tar-path.ts";
import { unpackTree } from "./unpack-tree.ts";

const LIMITS = { maxBytes: 1_000_000, maxEntries: 1000 };

interface Made {
  path: string;
  type?: string;
  linkpath?: string;
  data?: string;
  mode?: number;
}

/** One entry, its name as hostile as it likes. */
function entry({ path, type = "File", linkpath = "", data = "", mode = 0o644 }: Made): Buffer {
  const header = new Header({
    path,
    type: type as "File",
    linkpath,
    size: data.length,
    mode,
    mtime: new Date(0),
  });
  const block = Buffer.alloc(512 * (1 + Math.ceil(data.length / 512)));
  header.encode(block, 0);
  block.write(data, 512);
  return block;
}
const archive = (...entries: Made[]) => Buffer.concat([...entries.map(entry), Buffer.alloc(1024)]);
async function* one(bytes: Uint8Array, size = bytes.length) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A destination with things beside it that must stay as they are. */
async function place() {
  const directory = await temporaryDirectory();
  const to = `${directory.path}/to`;
  await mkdir(`${directory.path}/outside`);
  await writeFile(`${directory.path}/outside/file`, "mine");
  return {
    to,
    outside: `${directory.path}/outside`,
    async untouched() {
      expect((await readdir(directory.path)).sort()).toEqual(["outside", "to"]);
      expect(await readdir(`${directory.path}/outside`)).toEqual(["file"]);
      expect(await readFile(`${directory.path}/outside/file`, "utf8")).toBe("mine");
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

test("what another program packed is unpacked as it was", async () => {
  await using p = await place();
  await using source = await temporaryDirectory();
  await mkdir(`${source.path}/d/${"n".repeat(200)}`, { recursive: true });
  await writeFile(`${source.path}/d/${"n".repeat(200)}/file €`, "x".repeat(100_000), { mode: 0o750 });
  await symlink("d", `${source.path}/link`);
  execFileSync("ln", [`${source.path}/d/${"n".repeat(200)}/file €`, `${source.path}/second`]);
  const bytes = execFileSync("tar", ["--format=pax", "-C", source.path, "-cf", "-", "."], { maxBuffer: 1e8 });
  const result = await unpackTree(one(bytes, 1000), p.to, LIMITS);
  expect(result).toMatchObject({ bytes: 100_000, skipped: [] });
  expect(execFileSync("diff", ["-r", "--no-dereference", source.path, p.to]).toString()).toBe("");
  const [first, second] = [await stat(`${p.to}/second`), await stat(`${p.to}/d/${"n".repeat(200)}/file €`)];
  expect(first.ino).toBe(second.ino);
  expect(first.mode & 0o7777).toBe(0o750 & ~process.umask());
});

describe("a hostile archive is refused and touches nothing outside", () => {
  const lies: [string, Made[]][] = [
    ["an absolute name", [{ path: "/etc/x", data: "x" }]],
    ["a name that leads upwards", [{ path: "../outside/file", data: "x" }]],
    ["a name that leads upwards in the middle", [{ path: "a/../../outside/file", data: "x" }]],
    ["a directory that leads upwards", [{ path: "../made", type: "Directory" }]],
    ["a hard link to a file outside", [{ path: "x", type: "Link", linkpath: "../outside/file" }]],
    ["a hard link to what is not there", [{ path: "x", type: "Link", linkpath: "y" }]],
    ["a file in place of the destination", [{ path: ".", data: "x" }]],
    ["a link in place of the destination", [{ path: "./", type: "SymbolicLink", linkpath: "outside" }]],
    [
      "a name that is too long",
      [{ path: "a/".repeat(50) + "b".repeat(99) }, { path: `${"c".repeat(80)}/../..` }],
    ],
  ];
  test.for(lies)("%s", async ([, entries]) => {
    await using p = await place();
    await expect(unpackTree(one(archive(...entries)), p.to, LIMITS)).rejects.toBeInstanceOf(ArchiveError);
    await p.untouched();
  });

  const through: [string, Made[]][] = [
    [
      "a link in it",
      [
        { path: "l", type: "SymbolicLink", linkpath: "../outside" },
        { path: "l/file", data: "evil" },
      ],
    ],
    [
      "an absolute link",
      [
        { path: "l", type: "SymbolicLink", linkpath: "/" },
        { path: "l/tmp/x", data: "evil" },
      ],
    ],
    [
      "a link that replaces a directory",
      [
        { path: "d/", type: "Directory" },
        { path: "d", type: "SymbolicLink", linkpath: "../outside" },
        { path: "d/file", data: "evil" },
      ],
    ],
    [
      "a chain of links",
      [
        { path: "a", type: "SymbolicLink", linkpath: "." },
        { path: "b", type: "SymbolicLink", linkpath: "a/../../outside" },
        { path: "b/file", data: "evil" },
      ],
    ],
  ];
  test.for(through)("writing through %s", async ([, entries]) => {
    await using p = await place();
    await unpackTree(one(archive(...entries)), p.to, LIMITS).catch(() => undefined);
    await p.untouched();
  });

  test("a link that an earlier archive left is not followed, and not written through", async () => {
    await using p = await place();
    await mkdir(p.to);
    await symlink(p.outside, `${p.to}/l`);
    await symlink(`${p.outside}/file`, `${p.to}/f`);
    const below = unpackTree(one(archive({ path: "l/file", data: "evil" })), p.to, LIMITS);
    await expect(below).rejects.toMatchObject({ code: "not_directory" });
    await unpackTree(one(archive({ path: "f", data: "new" })), p.to, LIMITS);
    expect((await lstat(`${p.to}/f`)).isFile()).toBe(true);
    await p.untouched();
  });

  test("devices, fifos and links that lead out are left out and told", async () => {
    await using p = await place();
    const result = await unpackTree(
      one(
        archive(
          { path: "dev", type: "CharacterDevice" },
          { path: "pipe", type: "FIFO" },
          { path: "out", type: "SymbolicLink", linkpath: "/etc" },
          { path: "in", type: "SymbolicLink", linkpath: "d/f" },
          { path: "d/f", data: "fine" },
        ),
      ),
      p.to,
      LIMITS,
    );
    expect(result.skipped.map(({ path }) => path)).toEqual(["dev", "pipe", "out"]);
    expect((await readdir(p.to)).sort()).toEqual(["d", "in"]);
    expect(await readlink(`${p.to}/in`)).toBe("d/f");
  });

  test("set-user-id is dropped", async () => {
    await using p = await place();
    await unpackTree(one(archive({ path: "f", mode: 0o6755 })), p.to, LIMITS);
    expect((await stat(`${p.to}/f`)).mode & 0o7000).toBe(0);
  });

  test("what has too many entries, bytes, or too large a header ends where the limit is", async () => {
    await using p = await place();
    const many = archive(...Array.from({ length: 20 }, (_, n) => ({ path: `d${n}`, type: "Directory" })));
    await expect(unpackTree(one(many), p.to, { ...LIMITS, maxEntries: 19 })).rejects.toMatchObject({
      code: "too_many_files",
    });
    const large = archive({ path: "f", data: "x".repeat(2000) });
    await expect(unpackTree(one(large), p.to, { ...LIMITS, maxBytes: 1999 })).rejects.toMatchObject({
      code: "file_too_large",
    });
    expect(existsSync(`${p.to}/f`)).toBe(false);
    const header = archive(
      { path: "h", type: "ExtendedHeader", data: "x".repeat(2 * 1024 * 1024) },
      { path: "f" },
    );
    await expect(unpackTree(one(header, 65_536), p.to, LIMITS)).rejects.toBeInstanceOf(ArchiveError);
  });

  test("what says that it is small, and goes on, is bounded all the same", async () => {
    await using p = await place();
    const record = (text: string) => `${text.length + (text.length > 6 ? 4 : 3)} ${text}\n`;
    const small = { path: "g", type: "GlobalExtendedHeader", data: record("size=1") };
    const limits = { ...LIMITS, maxBytes: 1e9 };
    const pieces = 200;
    const file = [
      small,
      { path: "x", type: "ExtendedHeader", data: record(`size=${pieces * 65_536}`) },
      { path: "f" },
    ];
    // It is written while it comes: the second half waits until there is some of it on the disk.
    async function* arriving() {
      for (const one of file) yield entry(one);
      for (let n = 0; n < pieces / 2; n++) yield Buffer.alloc(65_536, n);
      await vi.waitUntil(
        async () => {
          const [part = ""] = await readdir(p.to);
          return part !== "" && (await stat(`${p.to}/${part}`)).size > 1_000_000;
        },
        { timeout: 20_000 },
      );
      for (let n = 0; n < pieces / 2; n++) yield Buffer.alloc(65_536, n);
      yield Buffer.alloc(1024);
    }
    await unpackTree(arriving(), p.to, limits);
    expect((await stat(`${p.to}/f`)).size).toBe(pieces * 65_536);

    let taken = 0;
    async function* longName() {
      yield entry(small);
      const header = new Header({
        path: "L",
        type: "NextFileHasLongPath",
        size: 1e9,
        mode: 0,
        mtime: new Date(0),
      });
      const block = Buffer.alloc(512);
      header.encode(block, 0);
      yield block;
      for (; taken < 1000; taken++) yield Buffer.alloc(65_536, "x");
    }
    await expect(unpackTree(longName(), p.to, limits)).rejects.toBeInstanceOf(ArchiveError);
    expect(taken).toBeLessThan(300);
  });

  test("what is compressed is no tar", async () => {
    await using p = await place();
    const { gzipSync } = await import("node:zlib");
    await expect(unpackTree(one(gzipSync(archive({ path: "f" }))), p.to, LIMITS)).rejects.toBeInstanceOf(
      ArchiveError,
    );
  });

  test("an archive that breaks off leaves no part of a file", async () => {
    await using p = await place();
    const bytes = archive({ path: "whole", data: "w" }, { path: "cut", data: "x".repeat(5000) });
    await expect(unpackTree(one(bytes.subarray(0, 2500)), p.to, LIMITS)).rejects.toBeInstanceOf(ArchiveError);
    expect(await readdir(p.to)).toEqual(["whole"]);
  });
});

describe("small files are written beside each other, and", () => {
  const many = Array.from({ length: 300 }, (_, n) => ({ path: `d${n % 5}/f${n}`, data: `${n}` }));

  test("each is there in the end", async () => {
    await using p = await place();
    expect(await unpackTree(one(archive(...many), 4096), p.to, LIMITS)).toMatchObject({ entries: 300 });
    for (const { path, data } of many) expect(await readFile(`${p.to}/${path}`, "utf8")).toBe(data);
    expect((await readdir(p.to, { recursive: true })).length).toBe(305);
  });

  test("of several of one name the last stays, however long the first takes", async () => {
    await using p = await place();
    const versions = [
      { path: "f", data: "x".repeat(60_000) },
      { path: "f", data: "last" },
    ];
    await unpackTree(one(archive(...versions), 512), p.to, LIMITS); // many pieces, each a write of its own
    expect(await readFile(`${p.to}/f`, "utf8")).toBe("last");
    expect(await readdir(p.to)).toEqual(["f"]);
  });

  test("a link to one that has just come finds it", async () => {
    await using p = await place();
    await unpackTree(
      one(archive(...many, { path: "second", type: "Link", linkpath: "d4/f299" })),
      p.to,
      LIMITS,
    );
    expect(await readFile(`${p.to}/second`, "utf8")).toBe("299");
  });

  test("one that cannot be written is the end, with no part of another left", async () => {
    await using p = await place();
    await mkdir(`${p.to}/d0/f0/in-its-place`, { recursive: true });
    const failed = unpackTree(one(archive(...many)), p.to, LIMITS);
    await expect(failed).rejects.toMatchObject({ message: expect.stringContaining("d0/f0") });
    const left = await readdir(p.to, { recursive: true });
    expect(left.filter((name) => name.includes(".bsx"))).toEqual([]);
    expect(await readdir(p.to, { recursive: true })).toEqual(left);
  });
});

test("whatever the names and links are, nothing outside is touched", async () => {
  const name = fc.stringMatching(/^(\/|\.\.\/|\.\/|a|b|outside|file|\/\/){1,6}$/);
  const made = fc.record({
    path: name,
    type: fc.constantFrom("File", "Directory", "SymbolicLink", "Link"),
    linkpath: name,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(made, { minLength: 1, maxLength: 6 }), async (entries) => {
      await using p = await place();
      const clean = entries.map(({ path, type, linkpath }) =>
        type.endsWith("Link")
          ? { path, type, linkpath }
          : { path, type, ...(type === "File" ? { data: "evil" } : {}) },
      );
      await unpackTree(one(archive(...clean)), p.to, LIMITS).catch(() => undefined);
      await unpackTree(one(archive({ path: "a/b/file", data: "evil" })), p.to, LIMITS).catch(() => undefined);
      await p.untouched();
    }),
    { numRuns: 150 },
  );
});

test("any bytes end in an error or an archive", async () => {
  await using p = await place();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 1500 }), async (bytes) => {
      await unpackTree(one(bytes, 100), p.to, LIMITS).catch((error) => expect(error).toBeInstanceOf(Error));
    }),
  );
  await p.untouched();
});
