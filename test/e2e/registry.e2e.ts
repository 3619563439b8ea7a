import { readdirSync, statSync } from "node:fs";
import { copyFile, mkdir, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildOciLayout } from "./support/oci-layout.ts";
import { startRegistry } from "./support/registry.ts";
import { openWorld, type World } from "./support/world.ts";

let world: World;
let registry: Awaited<ReturnType<typeof startRegistry>>;

beforeAll(async () => {
  world = await openWorld();
  registry = await startRegistry(world.dir);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** An image with one static program and nothing else. */
async function pushScratch(name: string, program: string, more: readonly string[] = []): Promise<string> {
  const root = join(world.dir, `root-${name}`);
  await mkdir(root);
  await copyFile("/bin/busybox", join(root, "busybox"));
  const layout = await buildOciLayout(world.dir, root, { entrypoint: ["/busybox", program], cmd: more });
  const reference = `${registry.host}/${name}:1`;
  await execa("skopeo", [
    "copy",
    "--quiet",
    "--dest-tls-verify=false",
    `oci:${layout}:latest`,
    `docker://${reference}`,
  ]);
  return reference;
}

test("an image with no shell and no Python runs from a real registry", async () => {
  const reference = await pushScratch("scratch", "echo", ["made of one file"]);
  expect(await world.cli("run", "--mem", "128", reference)).toMatchObject({
    code: 0,
    stdout: "made of one file\n",
  });
  const shell = await world.cli("run", "--mem", "128", "--entrypoint", "/bin/sh", reference);
  expect(shell).toMatchObject({ code: 125, stderr: expect.stringContaining("/bin/sh") });
});

test("an image the registry does not have is named", async () => {
  const result = await world.cli("run", `${registry.host}/nothing:here`);
  expect(result).toMatchObject({
    code: 125,
    stdout: "",
    stderr: expect.stringContaining(`${registry.host}/nothing:here`),
  });
  expect(result.stderr).toContain("hint:");
});

test("a registry that is not there is named", async () => {
  const result = await world.cli("run", "127.0.0.1:1/nothing:here");
  expect(result).toMatchObject({ code: 125, stderr: expect.stringContaining("127.0.0.1:1") });
});

test("a layer whose bytes are not what the manifest says is refused, and nothing of it is kept", async () => {
  const reference = await pushScratch("corrupt", "true");
  await corruptLargestBlob(join(world.dir, "registry"));
  const result = await world.cli("run", reference);
  expect(result).toMatchObject({ code: 125, stdout: "" });
  expect(result.stderr).toMatch(/digest|sha256|size/);
  expect(readdirSync(join(world.storage, "images/tmp"))).toEqual([]);
});

async function corruptLargestBlob(dir: string): Promise<void> {
  const blobs = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("/data"),
  );
  const newest = blobs
    .map((path) => join(dir, path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  const layer = newest.find((path) => statSync(path).size > 100_000);
  if (!layer) throw new Error("no layer was pushed");
  const { size } = statSync(layer);
  await writeFile(`${layer}.new`, Buffer.alloc(size, 7));
  await truncate(`${layer}.new`, size);
  await rename(`${layer}.new`, layer);
}
