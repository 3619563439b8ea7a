import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTmux } from "./support/tmux-screen.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const BANDSOX = resolve(import.meta.dirname, "../../bandsox");

let world: World;
let root: string;

beforeAll(async () => {
  world = await openWorld();
  root = await busyboxRoot(world.dir);
  const imported = await world.cli("image", "import", "-q", `dir:${root}`, "ubuntu:latest");
  expect(imported).toMatchObject({ code: 0, stderr: "" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Runs a command line as it is written, with a home directory of the test's own. @returns what it printed */
async function line(text: string): Promise<string> {
  const env = { BANDSOX_STORAGE: world.storage, HOME: world.dir, NO_COLOR: "1" };
  const command = text.replace(/^bandsox/, `'${BANDSOX}'`);
  const { stdout } = await execa("sh", ["-c", command], { env, stdin: "ignore" });
  return stdout;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

test("the first BandSox's commands work as they were written", async () => {
  const tar = join(world.dir, "rootfs.tar");
  await execa("tar", ["-cf", tar, "-C", root, "."]);
  expect(await line(`bandsox init --rootfs-url ${tar} --skip-kernel --skip-cni`)).toContain(
    "ready: bandsox-base",
  );
  const created = await line("bandsox create ubuntu:latest --name my-vm --vcpu 1 --mem 128 --disk-size 256");
  const [, id] = /^VM created: (vm_\w+)$/.exec(created) ?? [];
  expect(id).toBeDefined();
  expect(await line("bandsox vm list")).toMatch(/my-vm +running +ubuntu:latest/);

  await using screen = await openTmux(world.dir, { env: { BANDSOX_STORAGE: world.storage } });
  await screen.type(`'${BANDSOX}' terminal ${id}`);
  await screen.press("Enter");
  await screen.shows(/^\/ #$/m);
  await screen.type("echo here > /where; exit");
  await screen.press("Enter");
  await screen.shows(/exit\n+ready>$/m);

  const snapshot = await line(`bandsox vm save ${id} my-snapshot`);
  expect(await line("bandsox snapshot list")).toContain("my-snapshot");
  for (const change of ["pause", "resume", "stop"]) expect(await line(`bandsox vm ${change} ${id}`)).toBe(id);
  const restored = await line(`bandsox snapshot restore ${snapshot} --name restored --enable-networking`);
  expect(await line(`bandsox exec ${restored} cat /where`)).toBe("here");
  await line(`bandsox vm rename ${restored} renamed`);
  await line(`bandsox snapshot rename ${snapshot} kept`);
  await line(`bandsox vm delete ${id}`);
  await line("bandsox vm delete renamed");
  await line("bandsox snapshot delete kept");
  expect(await line("bandsox vm list -q")).toBe("");
  await line("bandsox cleanup");
});

test("its server is started, and used with a key, as it was", async () => {
  const port = await freePort();
  const server = world.start("serve", "--host", "0.0.0.0", "--port", `${port}`);
  let said = "";
  const key = await new Promise<string>((found) => {
    server.stdout!.on("data", (text) => {
      said += text;
      const [, made] = /API key: +(\S+)/.exec(said) ?? [];
      if (made && / at http/.test(said)) found(made);
    });
  });
  expect(said).toMatch(/admin password: +\S+/);
  await mkdir(join(world.dir, ".bandsox"));
  const credentials = join(world.dir, ".bandsox/credentials");
  await writeFile(credentials, JSON.stringify({ api_key: key }));
  await chmod(credentials, 0o600);
  const there = `--host 127.0.0.1 --port ${port}`;
  const small = "--name far --mem 128 --disk-size 256";
  expect(await line(`bandsox create ubuntu:latest ${small} ${there}`)).toMatch(/^VM created: vm_/);
  expect(await line(`bandsox vm list ${there}`)).toContain("far");
  expect(await line(`bandsox vm delete far ${there}`)).toMatch(/^vm_/);
  const made = await line("bandsox auth create-key ci");
  expect(await line("bandsox auth list-keys")).toContain("ci");
  await line(`bandsox auth revoke-key ${/key id: +(\S+)/.exec(made)?.[1]}`);
  const ended = new Promise((done) => server.once("close", done));
  server.kill("SIGINT");
  await ended;
});
