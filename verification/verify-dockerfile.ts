// An image is built from a Dockerfile, without Docker, and run.
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBandSoxError } from "bandsox";
import { Skip, verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  if (process.env.BANDSOX_URL)
    throw new Skip("images are built where their files are: run it on the server's machine");
  await using context = await mkdtempDisposable(join(tmpdir(), "bandsox-verify-"));
  await writeFile(join(context.path, "greeting"), "hello from a build\n");
  const dockerfile = `FROM ${image}\nCOPY greeting /greeting\nENV MODE=built\nRUN wc -c < /greeting > /size\n`;
  const vm = own(
    await step(`build an image upon ${image}, and create a VM from it`, () =>
      bandsox
        .createVmFromDockerfile(dockerfile, { build: { context: context.path } })
        .catch((error: unknown) => {
          if (isBandSoxError(error, "image_builder_missing")) throw new Skip(error.message);
          throw error;
        }),
    ),
  );
  expect(await vm.files.readText("/greeting"), "hello from a build\n");
  expect((await vm.exec("cat /size; echo $MODE")).stdout, "19\nbuilt\n");
});
