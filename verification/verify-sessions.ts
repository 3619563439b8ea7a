// Commands that outlive the call that started them, and the process that did.
import { verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  const session = await step("start a session", () => vm.sessions.start(["cat"], { stdin: true }));
  await step("write to it, and attach to it anew from its beginning", async () => {
    await session.write("echo round trip\n");
    const again = await vm.sessions.get(session.id);
    for await (const event of again.attach()) {
      if (event.type !== "stdout") continue;
      expect(Buffer.from(event.data).toString(), "echo round trip\n");
      break;
    }
  });
  await step("close its input; it ends", async () => {
    await session.closeStdin();
    expect((await session.wait()).exitCode, 0);
  });
  await step("kill another", async () => {
    const sleeper = await vm.sessions.start(["sleep", "1000"]);
    await sleeper.kill();
    expect((await sleeper.wait()).signal, "SIGKILL");
  });
});
