import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildOciLayout } from "./support/oci-layout.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let layout: string;

beforeAll(async () => {
  world = await openWorld();
  const root = await busyboxRoot(world.dir);
  await writeFile(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nworker:x:1234:1234::/home/worker:/bin/sh\n",
  );
  await writeFile(join(root, "etc/group"), "root:x:0:\nworker:x:1234:\nextra:x:77:worker\n");
  await mkdir(join(root, "home/worker"), { recursive: true });
  layout = await buildOciLayout(world.dir, root, {
    env: { GREETING: "hello from the image" },
    workdir: "/srv/app",
    user: "worker",
    entrypoint: ["/bin/sh", "-c"],
    cmd: ["echo $GREETING as $(id -un) in $(pwd) with home $HOME"],
  });
});
afterAll(() => world[Symbol.asyncDispose]());

test("run without a command runs the image's own, as the image says", async () => {
  const result = await world.cli("run", "--mem", "128", `oci:${layout}:latest`);
  expect(result).toMatchObject({
    code: 0,
    stdout: "hello from the image as worker in /srv/app with home /home/worker\n",
  });
  expect((await world.cli("vm", "list", "--quiet")).stdout).toBe("");
});

test("a command given replaces the image's command, an entrypoint given its entrypoint", async () => {
  const result = await world.cli(
    "run",
    "--mem",
    "128",
    "--entrypoint",
    "",
    "-u",
    "root",
    "-e",
    "A=b",
    `oci:${layout}:latest`,
    "--",
    "sh",
    "-c",
    "id -u; echo $A; exit 9",
  );
  expect(result).toMatchObject({ code: 9, stdout: "0\nb\n" });
});

test("a docker archive of the same image runs the same", async () => {
  const archive = join(world.dir, "image.tar");
  await execa("skopeo", ["copy", "--quiet", `oci:${layout}:latest`, `docker-archive:${archive}:app:1`]);
  const result = await world.cli("run", "--mem", "128", `docker-archive:${archive}`);
  expect(result).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("hello from the image as worker"),
  });
});
