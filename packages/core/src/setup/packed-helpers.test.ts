import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { unpackHelpers } from "./packed-helpers.ts";

/** A package with one helper, and where its helpers are to go. */
async function world(content = "#!/bin/sh\necho agent\n") {
  const directory = await temporaryDirectory();
  const packed = join(directory.path, "packed");
  const into = join(directory.path, "storage/helpers");
  await mkdir(packed);
  const repack = async (now: string) => {
    const bytes = Buffer.from(now);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const manifest = { files: [{ name: "bandsox-agent", sha256, bytes: bytes.length }] };
    await writeFile(join(packed, "manifest.json"), JSON.stringify(manifest));
    await writeFile(join(packed, "helpers.zst"), zstdCompressSync(bytes));
  };
  await repack(content);
  return { directory, packed, into, repack };
}

test("helpers are unpacked once, and can be run", async () => {
  const w = await world();
  await using _ = w.directory;
  const [one, other] = await Promise.all([unpackHelpers(w.packed, w.into), unpackHelpers(w.packed, w.into)]);
  expect(one).toBe(other);
  const agent = join(one, "bandsox-agent");
  expect(await readFile(agent, "utf8")).toBe("#!/bin/sh\necho agent\n");
  expect((await stat(agent)).mode & 0o777).toBe(0o755);
  const before = (await stat(agent)).ino;
  await unpackHelpers(w.packed, w.into);
  expect((await stat(agent)).ino).toBe(before);
  expect(await readdir(w.into)).toHaveLength(1);
});

test("what is not as promised is not kept", async () => {
  const w = await world();
  await using _ = w.directory;
  for (const damaged of [zstdCompressSync(Buffer.from("another")), Buffer.from("no archive")]) {
    await writeFile(join(w.packed, "helpers.zst"), damaged);
    await expect(unpackHelpers(w.packed, w.into)).rejects.toMatchObject({ code: "checksum_mismatch" });
    expect(await readdir(w.into)).toEqual([]);
  }
});

test("what dead processes left goes, what living ones are at stays", async () => {
  const w = await world();
  await using _ = w.directory;
  const stat = (await readFile("/proc/1/stat", "utf8")).split(") ").at(-1)?.split(" ");
  const living = `.unpacking-1-${stat?.[19]}-abc`;
  for (const name of [".unpacking-1-1-abc", ".unpacking-4194999-5-abc", living])
    await mkdir(join(w.into, name), { recursive: true });
  await unpackHelpers(w.packed, w.into);
  expect((await readdir(w.into)).filter((name) => name.startsWith("."))).toEqual([living]);
});

test("a few versions stay beside each other, and no more", async () => {
  const w = await world();
  await using _ = w.directory;
  const made: string[] = [];
  for (let version = 0; version < 6; version++) {
    await w.repack(`version ${version}`);
    const dir = await unpackHelpers(w.packed, w.into);
    await utimes(dir, 1000 + version, 1000 + version);
    made.push(dir);
  }
  const left = (await readdir(w.into)).map((name) => join(w.into, name));
  expect(left.sort()).toEqual(made.slice(-3).sort());
});

test("a place that cannot be written to is named", async () => {
  const w = await world();
  await using _ = w.directory;
  await writeFile(join(w.directory.path, "storage"), "a file");
  await expect(unpackHelpers(w.packed, w.into)).rejects.toMatchObject({
    code: "storage_unavailable",
    details: { path: w.into },
  });
});
