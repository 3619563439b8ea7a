// State is saved and gone back to: memory and disk agree, and copies are not each other.
import { verify } from "./verification.ts";

const COUNTER = "i=0; while :; do i=$((i+1)); echo $i > /root/counter; sleep 0.05; done";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  await vm.sessions.start(["sh", "-c", COUNTER]);
  await vm.execCommand("until [ -s /root/counter ]; do sleep 0.05; done");
  const snapshot = await step("save it while a program counts", () => vm.snapshot());
  try {
    await vm.execCommand("echo changed > /root/after");
    await step("go back: what came after is gone, the program goes on", async () => {
      await vm.rollback(snapshot.id);
      expect(await vm.files.exists("/root/after"), false);
      const counts = 'a=$(cat /root/counter); sleep 1; [ "$(cat /root/counter)" -gt "$a" ]';
      expect(await vm.execCommand(counts), 0);
    });
    await step("fork it: children go on from here, each by itself", async () => {
      const children = await vm.fork({ count: 2 });
      const names = [];
      for (const child of children) {
        if ("error" in child) throw child.error;
        names.push(
          await own(child.vm)
            .exec(["cat", "/proc/sys/kernel/hostname"])
            .then(({ stdout }) => stdout),
        );
      }
      expect(new Set(names).size, 2);
    });
  } finally {
    await bandsox.snapshots.delete(snapshot.id, { force: true });
  }
});
