// Files and whole trees go both ways and come back as they were.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBandSoxError } from "bandsox";
import { verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "bandsox-verify-"));
  const here = (name: string) => join(scratch.path, name);
  const { files } = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  await step("write, append, read lines", async () => {
    await files.writeText("/tmp/text", "one\ntwo\n");
    await files.append("/tmp/text", "three\n");
    expect(await files.readText("/tmp/text"), "one\ntwo\nthree\n");
    expect((await files.stat("/tmp/text")).size, 14);
  });
  await step("8 MiB of random bytes both ways", async () => {
    const content = randomBytes(8 * 1024 * 1024);
    await writeFile(here("up"), content);
    await files.uploadFile(here("up"), "/tmp/random");
    await files.downloadFile("/tmp/random", here("down"));
    expect(content.equals(await readFile(here("down"))), true);
  });
  await step("a tree both ways, some of it left out", async () => {
    await mkdir(here("tree/inner"), { recursive: true });
    await writeFile(here("tree/a.txt"), "a");
    await writeFile(here("tree/b.log"), "b");
    await writeFile(here("tree/inner/c.txt"), "c");
    await files.uploadTree(here("tree"), "/tmp/tree", { exclude: ["**/*.log"] });
    expect((await files.list("/tmp/tree")).map(({ name }) => name).sort(), ["a.txt", "inner"]);
    await files.downloadTree("/tmp/tree", here("back"));
    expect(await readFile(here("back/inner/c.txt"), "utf8"), "c");
  });
  await step("what is not there is an error at once", async () => {
    const error = await files.readText("/tmp/nothing").catch((failure: unknown) => failure);
    expect(isBandSoxError(error, "file_not_found"), true);
  });
});
