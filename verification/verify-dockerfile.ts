// An image is built from a Dockerfile, without Docker, and a VM is made of it.
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBandSoxError } from "bandsox";
import { Skip, verify } from "./verification.ts";

await verify(async ({ bandsox, own, step, expect }) => {
  if (process.env.BANDSOX_URL)
    throw new Skip("images are built where their files are: run it on the server's machine");
  await using context = await mkdtempDisposable(join(tmpdir(), "bandsox-verify-"));
  await writeFile(join(context.path, "greeting"), "hello from a build\n");
  // Upon nothing, so that no registry is asked.
  const dockerfile = 'FROM scratch\nCOPY greeting /greeting\nENV MODE=built\nCMD ["/greeting"]\n';
  const vm = own(
    await step("build an image, and create a VM from it", () =>
      bandsox
        .createVmFromDockerfile(dockerfile, { build: { context: context.path } })
        .catch((error: unknown) => {
          if (isBandSoxError(error, "image_builder_missing")) throw new Skip(error.message);
          throw error;
        }),
    ),
    { withImage: true },
  );
  expect(await vm.files.readText("/greeting"), "hello from a build\n");
  expect((await bandsox.imageCommand(vm)).cmd, ["/greeting"]);
});
