import { access, link, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { run } from "../host/run.ts";
import { readSuperblock } from "./ext4-superblock.ts";
import { growLayerDisk } from "./grow-layer-disk.ts";

const MIB = 1024 * 1024;

test("a disk grows beside what a killed attempt still writes, and not into it", async () => {
  await using directory = await temporaryDirectory();
  const disk = join(directory.path, "layer.ext4");
  await run("mke2fs", ["-q", "-t", "ext4", disk, "16M"]);
  await writeFile(`${disk}.growing`, "of another");
  await link(`${disk}.growing`, `${disk}.held`);
  await growLayerDisk(disk, { sizeMib: 32 });
  expect((await readSuperblock(disk))?.sizeBytes).toBe(32 * MIB);
  expect(await readFile(`${disk}.held`, "utf8")).toBe("of another");
  await expect(access(`${disk}.growing`)).rejects.toMatchObject({ code: "ENOENT" });
});
