import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const INSTALLED_MAX_MIB = 60;
const PROGRAMS = ["sh", "echo", "cat"];

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

let home: string;
let storage: string;
let tarball: string;

beforeAll(async () => {
  home = opened.use(await temporaryDirectory()).path;
  storage = join(home, "storage");
  await execa("scripts/pack.sh", { cwd: REPOSITORY });
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, "packages/bandsox/package.json"), "utf8"));
  tarball = join(REPOSITORY, `build/bandsox-${version}.tgz`);
  await writeFile(join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
  // As on a machine that runs nobody's install scripts.
  const how = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  await execa("npm", ["install", ...how, tarball], { cwd: home });
  await mkdir(storage);
  await cp(join(inject("bootStorage") ?? "", "kernel"), join(storage, "kernel"), { recursive: true });
});

/** Runs a program where the package is installed, with nothing of the repository to find. */
function run(program: string, args: readonly string[]) {
  const { BANDSOX_BIN_DIR: _, NODE_OPTIONS: __, ...env } = process.env;
  return execa(program, args, {
    cwd: home,
    env: { ...env, BANDSOX_STORAGE: storage },
    extendEnv: false,
    reject: false,
  });
}

const bandsox = (...args: string[]) => run(join(home, "node_modules/.bin/bandsox"), args);

async function busyboxImage(): Promise<string> {
  const root = join(home, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const name of PROGRAMS) await symlink("busybox", join(root, "bin", name)).catch(() => {});
  return `dir:${root}`;
}

test("it is small, and brings helpers for both processors that unpack to what they were", async () => {
  const { stdout } = await execa("du", ["-sm", "node_modules"], { cwd: home });
  expect(Number.parseInt(stdout, 10)).toBeLessThanOrEqual(INSTALLED_MAX_MIB);
  const helpers = join(home, "node_modules/bandsox/dist/helpers");
  expect((await readdir(helpers)).sort()).toEqual(["linux-arm64", "linux-x64"]);
  const doctor = await bandsox("doctor", "--json");
  expect(doctor.exitCode).toBeLessThan(2);
  const { checks } = JSON.parse(doctor.stdout);
  const own = checks.filter(({ id }: { id: string }) => id.startsWith("helper-"));
  expect(own.map(({ ok }: { ok: boolean }) => ok)).toEqual(own.map(() => true));
  expect(own.length).toBeGreaterThan(3);
});

test("the command line runs a VM and leaves nothing of it", async () => {
  expect(await bandsox("init")).toMatchObject({ exitCode: 0 });
  const said = await bandsox("run", await busyboxImage(), "sh", "-c", "echo out; exit 3");
  expect(said).toMatchObject({ exitCode: 3, stdout: "out" });
  const unpacked = join(storage, "helpers", (await readdir(join(storage, "helpers")))[0] ?? "");
  const manifest = readFileSync(
    join(home, `node_modules/bandsox/dist/helpers/linux-${process.arch}/manifest.json`),
    "utf8",
  );
  for (const { name, sha256 } of JSON.parse(manifest).files) {
    const found = createHash("sha256")
      .update(readFileSync(join(unpacked, name)))
      .digest("hex");
    expect(found).toBe(sha256);
  }
  expect(await bandsox("vm", "list", "--quiet")).toMatchObject({ exitCode: 0, stdout: "" });
});

test("the library runs a VM from plain JavaScript", async () => {
  const program = `
    import { BandSox, isBandSoxError } from "bandsox";
    await using bandsox = new BandSox();
    const vm = await bandsox.createVm(process.argv[2]);
    const { stdout } = await vm.exec(["sh", "-c", "echo from a guest"]);
    const code = await bandsox.getVm("vm_nothing").catch((error) => isBandSoxError(error) && error.code);
    await vm.delete();
    console.log(JSON.stringify({ stdout, code }));`;
  await writeFile(join(home, "library.js"), program);
  const { stdout, stderr } = await run("node", ["library.js", await busyboxImage()]);
  expect(JSON.parse(stdout || stderr)).toEqual({
    stdout: "from a guest\n",
    code: "vm_not_found",
  });
});

test("its types hold in a project that checks its libraries", async () => {
  const source = `
    import { BandSox, type BandSoxOptions, type ExecResult } from "bandsox";
    import { BandSoxClient } from "bandsox/client";
    const options: BandSoxOptions = { storageDir: "/s" };
    export async function run(bandsox = new BandSox(options)): Promise<ExecResult> {
      const vm = await bandsox.createVm("alpine", { memMib: 256 });
      // @ts-expect-error memory is a number
      await bandsox.createVm("alpine", { memMib: "much" });
      return await vm.exec(["true"]);
    }
    export const client = new BandSoxClient("http://127.0.0.1:8000");`;
  await writeFile(join(home, "types.ts"), source);
  const flags = ["--noEmit", "--strict", "--target", "es2024", "--module", "nodenext"];
  const lib = ["--lib", "es2024,esnext.disposable,dom", "--types", "node"];
  await symlink(join(REPOSITORY, "node_modules/@types"), join(home, "node_modules/@types"));
  const tsc = join(REPOSITORY, "node_modules/.bin/tsc");
  const { stdout } = await run(tsc, [...flags, ...lib, "--ignoreConfig", "types.ts"]);
  expect(stdout).toBe("");
});

test("what it promises can be tried with it", async () => {
  const said = await bandsox("verify", "file-ops", "--json", "--image", await busyboxImage());
  expect(JSON.parse(said.stdout)).toMatchObject([{ name: "file-ops", result: "ok" }]);
});

test("the server serves the API and the dashboard", async () => {
  const { BANDSOX_BIN_DIR: _, ...env } = process.env;
  const child = spawn(join(home, "node_modules/.bin/bandsox"), ["serve", "--port", "0", "--quiet"], {
    cwd: home,
    env: { ...env, BANDSOX_STORAGE: storage },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const page = await (await fetch(url)).text();
    expect(page).toContain("<!doctype html>");
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1];
    expect((await fetch(`${url}${script}`)).status).toBe(200);
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect(await (await fetch(`${url}/api/vms`)).json()).toEqual([]);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
});
