import { readdirSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSox } from "bandsox";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;
beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

describe("input that cannot be right is refused with what is wrong, and nothing is made", () => {
  const cases: [string, string[], string][] = [
    ["a name with a path in it", ["--name", "../x"], "name"],
    ["an empty name", ["--name", ""], "name"],
    ["a name of 300 characters", ["--name", "a".repeat(300)], "63"],
    ["no vCPU", ["--vcpu", "0"], "at least 1"],
    ["999 vCPUs", ["--vcpu", "999"], "at most"],
    ["1 MiB of memory", ["--mem", "1"], "MiB of memory"],
    ["a size that is none", ["--mem", "lots"], "size"],
    ["a disk too small", ["--disk-size", "1"], "64"],
    ["a variable without a value", ["--env", "X"], "NAME=value"],
    ["metadata that is no JSON", ["--metadata", "{"], "JSON"],
    ["an unknown option", ["--no-such"], "--no-such"],
  ];
  test.for(cases)("%s", async ([, options, words]) => {
    const result = await world.cli("create", ...options, image);
    expect(result).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) });
  });

  test.for(["", "UPPER/case", "a b", "../x", "x:y:z", "a@sha256:12"])("the image %j", async (bad) => {
    expect(await world.cli("create", bad)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("image"),
    });
  });

  test("an engine that there is not", async () => {
    expect(await world.cli("create", "--engine", "steam", image)).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("steam"),
    });
  });

  test("nothing of all that was kept", async () => {
    expect(await world.bandsox.listVms()).toEqual([]);
  });
});

describe("what is missing is named", () => {
  test.for([
    ["oci:/no/such/layout", "/no/such/layout"],
    ["docker-archive:/no/such.tar", "/no/such.tar"],
    ["dir:/no/such/dir", "/no/such/dir"],
  ] as const)("%s", async ([source, words]) => {
    expect(await world.cli("create", source)).toMatchObject({
      code: 125,
      stdout: "",
      stderr: expect.stringContaining(words),
    });
  });

  test("a kernel", async () => {
    await using bandsox = new BandSox({ storageDir: join(world.dir, "no-kernel") });
    await expect(bandsox.createVm(image)).rejects.toMatchObject({ code: "kernel_missing" });
  });

  test("a VM", async () => {
    const result = await world.cli("exec", "nobody", "true");
    expect(result).toMatchObject({ code: 125, stderr: expect.stringContaining('"nobody"') });
  });
});

test("an archive that is cut short is refused", async () => {
  const archive = join(world.dir, "cut.tar");
  await writeFile(archive, Buffer.alloc(700, 1));
  expect(await world.cli("create", `docker-archive:${archive}`)).toMatchObject({
    code: 125,
    stderr: expect.stringContaining("cut.tar"),
  });
});

test("a storage that is a file is refused", async () => {
  const file = join(world.dir, "file");
  await writeFile(file, "");
  await using bandsox = new BandSox({ storageDir: file });
  await expect(bandsox.listVms()).rejects.toMatchObject({
    code: "storage_unavailable",
    message: expect.stringContaining(file),
  });
});

test("a file system without room is named, and nothing is left on it", async () => {
  const small = join(world.dir, "small");
  await mkdir(small);
  await execa("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small]);
  try {
    await symlink(join(world.storage, "kernel"), join(small, "kernel"));
    await using bandsox = new BandSox({ storageDir: small });
    await expect(bandsox.createVm(image)).rejects.toMatchObject({ code: "disk_full" });
    expect(await bandsox.listVms()).toEqual([]);
    expect(readdirSync(join(small, "staging"))).toEqual([]);
  } finally {
    await execa("umount", [small]);
  }
});
