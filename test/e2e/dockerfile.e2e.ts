import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openWorld, type World } from "./support/world.ts";

const hasBuildah = (await execa("buildah", ["--version"], { reject: false })).exitCode === 0;
if (!hasBuildah) process.stderr.write("Dockerfile builds are not tested: buildah is not installed\n");

let world: World;
let context: string;

beforeAll(async () => {
  world = await openWorld();
  context = join(world.dir, "context");
  await mkdir(context);
  await copyFile("/bin/busybox", join(context, "busybox"));
  await writeFile(join(context, "secret"), "not for the image");
  await writeFile(join(context, ".dockerignore"), "secret\n");
});
afterAll(() => world[Symbol.asyncDispose]());

const dockerfile = (last: string) =>
  writeFile(
    join(context, "Dockerfile"),
    `FROM scratch
ARG WHO=nobody
COPY . /bin/
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN echo built for $WHO > /who
${last}
`,
  );

test.skipIf(!hasBuildah)(
  "a Dockerfile becomes an image, and a failed build leaves it as it was",
  async () => {
    await dockerfile('CMD ["cat", "/who"]');
    const built = await world.cli("image", "build", "-t", "app:1", "--build-arg", "WHO=us", context);
    expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^app:1 is [0-9a-f]{12}, /) });
    expect(built.stderr).toContain("STEP 5/6");
    expect(await world.cli("run", "--mem", "128", "app:1")).toMatchObject({
      code: 0,
      stdout: "built for us\n",
    });
    const ignored = await world.cli("run", "--mem", "128", "app:1", "--", "ls", "/bin/secret");
    expect(ignored.code).toBe(1);

    await dockerfile("RUN echo about to fail; exit 3");
    const failed = await world.cli("image", "build", "-t", "app:1", context);
    expect(failed).toMatchObject({ code: 125, stdout: "" });
    expect(failed.stderr).toContain("about to fail");
    expect(await world.cli("run", "--mem", "128", "app:1")).toMatchObject({
      code: 0,
      stdout: "built for us\n",
    });
  },
);

test.skipIf(!hasBuildah)(
  "a VM is made from a Dockerfile's text, which reads nothing of the host",
  async () => {
    const text = "FROM scratch\nCOPY busybox /busybox\n";
    await expect(world.bandsox.createVmFromDockerfile(text)).rejects.toMatchObject({
      code: "image_build_failed",
    });
    const vm = await world.bandsox.createVmFromDockerfile(text, { memMib: 128, build: { context } });
    expect(await vm.exec(["/busybox", "echo", "hello"])).toMatchObject({ exitCode: 0 });
  },
);

test("a Dockerfile that is not there is named", async () => {
  const result = await world.cli("image", "build", "-t", "app:1", join(world.dir, "nothing"));
  expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining("Dockerfile is not there") });
});
