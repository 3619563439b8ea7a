import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { name: "files", memMib: 128 });
});
afterAll(() => world[Symbol.asyncDispose]());

test("what the host writes the guest reads, and the other way round", async () => {
  await vm.files.writeText("/srv/greeting", "hello\n");
  expect((await vm.exec("cat /srv/greeting; echo from the guest >> /srv/greeting")).stdout).toBe("hello\n");
  expect(await vm.files.readText("/srv/greeting")).toBe("hello\nfrom the guest\n");
  expect(await vm.files.stat("/srv/greeting")).toMatchObject({ type: "file", size: 21, uid: 0 });
  await expect(vm.files.readText("/srv")).rejects.toMatchObject({ code: "is_directory" });
  await expect(vm.files.readText("/srv/none")).rejects.toMatchObject({ code: "file_not_found" });
});

test("a large file arrives byte for byte in both directions", async () => {
  const content = randomBytes(8 * 1024 * 1024 + 13);
  const digest = createHash("md5").update(content).digest("hex");
  const [here, back] = [join(world.dir, "large"), join(world.dir, "large-back")];
  await writeFile(here, content);
  await vm.files.uploadFile(here, "/large");
  expect((await vm.exec("md5sum /large")).stdout).toContain(digest);
  await vm.files.downloadFile("/large", back);
  expect(
    createHash("md5")
      .update(await readFile(back))
      .digest("hex"),
  ).toBe(digest);
});

test("the command line copies a tree in and out", async () => {
  const tree = join(world.dir, "tree");
  await mkdir(join(tree, "sub"), { recursive: true });
  await writeFile(join(tree, "sub/one"), "1");
  await writeFile(join(tree, "two"), "22");
  expect(await world.cli("cp", tree, "files:/tree")).toMatchObject({ code: 0 });
  expect((await vm.exec("cat /tree/sub/one /tree/two")).stdout).toBe("122");
  expect(await world.cli("cp", "files:/tree", join(world.dir, "copy"))).toMatchObject({ code: 0 });
  expect(await readFile(join(world.dir, "copy/sub/one"), "utf8")).toBe("1");
  expect(await world.cli("cat", "files:/tree/two")).toMatchObject({ code: 0, stdout: "22" });
  expect((await world.cli("ls", "files:/tree")).stdout).toContain("sub");
});
