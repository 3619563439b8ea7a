// A VM is made, used, saved, stopped, and goes on from what was saved.
import { verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(
    await step(`create a VM from ${image}`, () => bandsox.createVm(image, { networking: false })),
  );
  await step("exit codes are the command's own", async () => {
    for (const code of [0, 1, 42]) expect(await vm.execCommand(`exit ${code}`), code);
  });
  await step("output comes by stream, to the byte", async () => {
    const { stdout, stderr } = await vm.exec(["sh", "-c", "printf 'out\\n'; printf 'err\\n' >&2"]);
    expect([stdout, stderr], ["out\n", "err\n"]);
  });
  await step("Python runs", async () => {
    const { stdout } = await vm.execPythonCapture("print(6 * 7)");
    expect(stdout, "42\n");
  });
  await vm.execCommand("echo kept > /root/state");
  const snapshot = await step("save it while it runs", () => vm.snapshot());
  await step("stop it", () => vm.stop());
  try {
    const again = own(await step("go on from what was saved", () => bandsox.snapshots.restore(snapshot.id)));
    expect(await again.files.readText("/root/state"), "kept\n");
    await step("pause and resume", async () => {
      await again.pause();
      expect((await again.info()).state, "paused");
      await again.resume();
      expect(await again.execCommand("true"), 0);
    });
  } finally {
    await bandsox.snapshots.delete(snapshot.id, { force: true });
  }
});
