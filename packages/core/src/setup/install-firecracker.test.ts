import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { installFirecracker } from "./install-firecracker.ts";

const program = (version: string) => `#!/bin/sh\necho "Firecracker v${version}"\n`;

/** A release's archive, laid out as they are. */
async function release(dir: string, version: string, files = ["firecracker", "jailer"]): Promise<string> {
  const name = `release-v${version}-x86_64`;
  await mkdir(join(dir, name), { recursive: true });
  for (const file of files) {
    const path = join(dir, name, `${file}-v${version}-x86_64`);
    await writeFile(path, program(version));
    await chmod(path, 0o755);
    await writeFile(`${path}.debug`, "symbols");
  }
  await writeFile(join(dir, name, "LICENSE"), "");
  const archive = join(dir, `${name}.tgz`);
  await execa("tar", ["-czf", archive, "-C", dir, name]);
  return archive;
}

const sha256 = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

async function world() {
  const directory = await temporaryDirectory();
  const installDir = join(directory.path, "firecracker");
  const dispose = () => directory[Symbol.asyncDispose]();
  return { dir: directory.path, installDir, [Symbol.asyncDispose]: dispose };
}

test("the programs of a release are installed under the storage, by path and by file:// address", async () => {
  await using w = await world();
  const url = await release(w.dir, "1.16.1");
  const installed = await installFirecracker({ ...w, url, sha256: await sha256(url) });
  expect(installed).toEqual({ binary: join(w.installDir, "firecracker"), version: "1.16.1" });
  expect((await readdir(w.installDir)).toSorted()).toEqual(["firecracker", "jailer"]);
  expect((await execa(installed.binary, ["--version"])).stdout).toBe("Firecracker v1.16.1");
  const newer = await release(w.dir, "1.17.0");
  expect(await installFirecracker({ ...w, url: `file://${newer}` })).toMatchObject({ version: "1.17.0" });
});

test("a release is downloaded", async () => {
  await using w = await world();
  const archive = await readFile(await release(w.dir, "1.16.1"));
  const server = createServer((_request, response) => response.end(archive));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/firecracker.tgz`;
  expect(await installFirecracker({ ...w, url })).toMatchObject({ version: "1.16.1" });
  server.close();
});

test("what is installed is kept until another is named", async () => {
  await using w = await world();
  await installFirecracker({ ...w, url: await release(w.dir, "1.16.1") });
  const steps: string[] = [];
  const found = await installFirecracker({ ...w, onProgress: ({ state }) => steps.push(state) });
  expect(found).toMatchObject({ version: "1.16.1" });
  expect(steps).toEqual(["reused"]);
});

test("what fails leaves what was there, and nothing beside it", async () => {
  await using w = await world();
  await installFirecracker({ ...w, url: await release(w.dir, "1.16.1") });
  const refused = (url: string, more = {}) => expect(installFirecracker({ ...w, url, ...more })).rejects;
  await refused(await release(w.dir, "1.17.0"), { sha256: "0".repeat(64) }).toMatchObject({
    code: "checksum_mismatch",
  });
  await refused(await release(w.dir, "1.5.0")).toMatchObject({ message: expect.stringContaining("1.5.0") });
  await refused(await release(w.dir, "1.17.1", ["firecracker"])).toMatchObject({
    message: expect.stringContaining("no jailer"),
  });
  const garbage = join(w.dir, "garbage.tgz");
  await writeFile(garbage, "no archive");
  await refused(garbage).toMatchObject({ code: "engine_unavailable" });
  await refused("/nowhere.tgz").toMatchObject({ code: "engine_unavailable" });
  await refused("http://127.0.0.1:1/x.tgz").toMatchObject({ code: "engine_unavailable" });
  await refused("ftp://host/x.tgz").toMatchObject({ code: "invalid_argument" });
  expect((await execa(join(w.installDir, "firecracker"), ["--version"])).stdout).toContain("1.16.1");
  expect(await readdir(`${w.installDir}.staging`)).toEqual([]);
});

test("a link in an archive is not followed", async () => {
  await using w = await world();
  await mkdir(join(w.dir, "release"));
  await writeFile(join(w.dir, "outside"), program("1.16.1"));
  await symlink(join(w.dir, "outside"), join(w.dir, "release", "firecracker"));
  await symlink(join(w.dir, "outside"), join(w.dir, "release", "jailer"));
  const archive = join(w.dir, "links.tgz");
  await execa("tar", ["-czf", archive, "-C", w.dir, "release"]);
  await expect(installFirecracker({ ...w, url: archive })).rejects.toMatchObject({
    message: expect.stringContaining("holds no firecracker"),
  });
});
