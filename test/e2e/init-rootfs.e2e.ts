import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let root: string;
let disk: string;

beforeAll(async () => {
  world = await openWorld();
  root = await busyboxRoot(world.dir);
  disk = join(world.dir, "bandsox-base.ext4");
  await execa("/usr/sbin/mke2fs", ["-q", "-t", "ext4", "-d", root, disk, "16M"]);
});
afterAll(() => world[Symbol.asyncDispose]());

const init = (...args: string[]) => world.cli("init", "--skip-kernel", "--skip-cni", ...args);
const hello = () => world.cli("run", "--mem", "128", "bandsox-base", "--", "/bin/busybox", "echo", "hello");

test("a ready-made disk given by path becomes the image bandsox-base", async () => {
  const sha256 = createHash("sha256").update(readFileSync(disk)).digest("hex");
  const wrong = await init("--rootfs-url", disk, "--rootfs-sha256", "0".repeat(64));
  expect(wrong).toMatchObject({ code: 125, stdout: "", stderr: expect.stringContaining(sha256) });
  const done = await init("--rootfs-url", `file://${disk}`, "--rootfs-sha256", sha256);
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ready: bandsox-base sha256:[0-9a-f]{64}\n$/),
  });
  expect(await hello()).toMatchObject({ code: 0, stdout: "hello\n" });
});

test("a tar from a web server replaces it only when asked", async () => {
  const tar = join(world.dir, "root.tar.gz");
  await execa("tar", ["-czf", tar, "-C", root, "."]);
  let served = 0;
  const server = createServer((_request, response) => {
    served += 1;
    createReadStream(tar).pipe(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/root.tar.gz`;
  const before = await world.bandsox.images.inspect("bandsox-base");
  expect(await init("--rootfs-url", url)).toMatchObject({
    code: 0,
    stdout: `ready: bandsox-base ${before.digest}\n`,
  });
  expect(served).toBe(0);
  expect(await init("--rootfs-url", url, "--skip-rootfs")).toMatchObject({ code: 0, stdout: "" });
  const forced = await init("--rootfs-url", url, "--force");
  expect(forced.code).toBe(0);
  expect(served).toBe(1);
  expect((await world.bandsox.images.inspect("bandsox-base")).digest).not.toBe(before.digest);
  expect(await hello()).toMatchObject({ code: 0, stdout: "hello\n" });
  server.close();
});

test("what is not there is named", async () => {
  const absent = await init("--rootfs-url", join(world.dir, "absent.ext4"));
  expect(absent).toMatchObject({ code: 125, stderr: expect.stringContaining("absent.ext4: ENOENT") });
  const odd = await init("--rootfs-url", "ftp://example.com/x");
  expect(odd).toMatchObject({ code: 2, stderr: expect.stringContaining("neither a path") });
});
