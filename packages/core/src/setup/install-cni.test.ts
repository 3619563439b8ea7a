import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { storagePaths } from "../host/paths.ts";
import { setUpCni } from "./set-up-cni.ts";
import type { SetupStep } from "./setup-step.ts";

const plugin = (release: string) => `#!/bin/sh\n# ${release}\necho '{"supportedVersions":["1.0.0"]}'\n`;
const USUAL = ["bridge", "host-local", "loopback", "portmap"];

/** A release's archive, laid out as they are. */
async function pack(dir: string, name: string, files = [...USUAL, "macvlan"]): Promise<string> {
  await mkdir(join(dir, name));
  for (const file of files) await writeFile(join(dir, name, file), plugin(name), { mode: 0o755 });
  await writeFile(join(dir, name, "LICENSE"), "");
  await writeFile(join(dir, name, "README.md"), "");
  const archive = join(dir, `${name}.tgz`);
  await execa("tar", ["-czf", archive, "-C", join(dir, name), "."]);
  return archive;
}

async function world() {
  const directory = await temporaryDirectory();
  const storageDir = join(directory.path, "storage");
  const steps: SetupStep[] = [];
  const onProgress = (step: SetupStep) => void steps.push(step);
  const { cniBinDir: ownDir } = storagePaths(storageDir);
  const dispose = () => directory[Symbol.asyncDispose]();
  return { dir: directory.path, storageDir, ownDir, steps, onProgress, [Symbol.asyncDispose]: dispose };
}

const sha256 = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

test("a release's plugins are installed under the storage, and nothing else of it", async () => {
  await using w = await world();
  const url = await pack(w.dir, "one");
  expect(await setUpCni({ url, sha256: await sha256(url) }, w)).toBe(w.ownDir);
  expect((await readdir(w.ownDir)).toSorted()).toEqual([...USUAL, "macvlan"].toSorted());
  expect(await setUpCni(undefined, w)).toBe(w.ownDir);
  expect(w.steps.at(-1)).toEqual({ step: "cni", state: "reused", text: `plugins in ${w.ownDir}` });
});

test("a release is downloaded to a directory of the user's, where other plugins stay", async () => {
  await using w = await world();
  const archive = await readFile(await pack(w.dir, "one"));
  const server = createServer((_request, response) => response.end(archive));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/plugins.tgz`;
  const dir = join(w.dir, "bin");
  await mkdir(dir);
  await writeFile(join(dir, "calico"), "");
  expect(await setUpCni({ url, dir }, w)).toBe(dir);
  expect(await readdir(dir)).toEqual(expect.arrayContaining(["calico", "bridge"]));
  server.close();
});

test("plugins that are there are used, first those the user points to", async () => {
  await using w = await world();
  const dir = join(w.dir, "bin");
  await setUpCni({ url: await pack(w.dir, "one"), dir }, w);
  expect(await setUpCni(undefined, { ...w, cniBinDir: `/nowhere:${dir}` })).toBe(dir);
});

test("what fails leaves what was there, and nothing beside it", async () => {
  await using w = await world();
  await setUpCni({ url: await pack(w.dir, "one") }, w);
  const before = await readdir(w.ownDir);
  const refused = (given: { url: string; sha256?: string }) => expect(setUpCni(given, w)).rejects;
  const url = await pack(w.dir, "two");
  await refused({ url, sha256: "0".repeat(64) }).toMatchObject({ code: "checksum_mismatch" });
  await refused({ url: await pack(w.dir, "few", ["bridge"]) }).toThrow(
    "holds no loopback, host-local, portmap",
  );
  await mkdir(join(w.dir, "odd"));
  for (const name of USUAL) await writeFile(join(w.dir, "odd", name), "#!/bin/sh\nexit 1\n");
  const odd = join(w.dir, "odd.tgz");
  await execa("tar", ["-czf", odd, "-C", join(w.dir, "odd"), "."]);
  await refused({ url: odd }).toThrow("does not run here");
  await writeFile(join(w.dir, "garbage.tgz"), "no archive");
  const code = "networking_unavailable";
  await refused({ url: join(w.dir, "garbage.tgz") }).toMatchObject({ code });
  await refused({ url: "/nowhere.tgz" }).toMatchObject({ code });
  await refused({ url: "http://127.0.0.1:1/x.tgz" }).toMatchObject({ code });
  expect(await readdir(w.ownDir)).toEqual(before);
  expect(await readFile(join(w.ownDir, "bridge"), "utf8")).toContain("# one");
});

test("unasked they are left out where no VM can use them", async () => {
  await using w = await world();
  const found = await setUpCni(undefined, { ...w, searched: [w.ownDir], whyNot: () => "it needs root" });
  expect([found, ...w.steps.map(({ state, text }) => `${state}: ${text}`)]).toEqual([
    undefined,
    "failed: left out: VMs have no networks here: it needs root",
  ]);
});
