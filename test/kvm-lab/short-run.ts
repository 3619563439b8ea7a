/**
 * One VM under a real KVM: boots, runs commands, is snapshotted, and gone on from twice. Says what it does, and ends
 * with another exit status than 0 when something is not as it should be.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BandSox } from "bandsox";

const begun = performance.now();
const say = (what: string) =>
  process.stdout.write(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${what}\n`);

const kernels = process.env.BANDSOX_TEST_KERNEL_CACHE;
assert(kernels, "BANDSOX_TEST_KERNEL_CACHE names a directory with a guest kernel");

await using cleanup = new AsyncDisposableStack();
const dir = mkdtempSync(join(tmpdir(), "bandsox-lab-"));
cleanup.defer(() => rmSync(dir, { recursive: true, force: true }));
const storageDir = join(dir, "storage");
await cp(join(kernels, "kernel"), join(storageDir, "kernel"), { recursive: true });
const image = `dir:${busyboxRoot(join(dir, "root"))}`;
const bandsox = cleanup.use(new BandSox({ storageDir }));
cleanup.defer(async () => {
  for (const { id } of await bandsox.listVms()) await (await bandsox.getVm(id)).delete();
});

const vm = await bandsox.createVm(image, { name: "first", memMib: 128 });
say("a VM boots, is saved as a golden, and a second goes on from it");
assert.match(vmmCommandLine(storageDir), /-accel\0kvm\0/, "the VMM runs on KVM");
say("its VMM runs on KVM");

assert.equal((await vm.exec("echo $((6 * 7))")).stdout, "42\n");
assert.equal(await vm.execCommand(["false"]), 1);
say("it runs commands");

await vm.sessions.start(
  "n=0; while :; do n=$((n+1)); echo $n >/tmp/next; mv /tmp/next /tmp/count; sleep 0.1; done",
);
await vm.exec("echo before >/tmp/file");
const snapshot = await vm.snapshot({ name: "moment" });
await vm.exec("echo after >/tmp/file");
say(`it is snapshotted; it stood still for ${snapshot.pausedMs} ms`);

for (const name of ["second", "third"]) {
  const restored = await bandsox.snapshots.restore("moment", { name });
  assert.equal((await restored.exec("cat /tmp/file")).stdout, "before\n");
  const first = Number((await restored.exec("cat /tmp/count")).stdout);
  await restored.exec("sleep 1");
  const later = Number((await restored.exec("cat /tmp/count")).stdout);
  assert(first > 0 && later > first, `a process goes on counting: ${first}, then ${later}`);
  say(`${name} goes on from the snapshot, its disk and its processes as they were`);
}
assert.equal((await vm.exec("cat /tmp/file")).stdout, "after\n");
say("the first is as it was left");

/** A root with a busybox, enough for a shell. */
function busyboxRoot(root: string): string {
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "tmp"));
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "cat", "echo", "false", "mv", "sleep"])
    symlinkSync("busybox", join(root, "bin", name));
  return root;
}

/** The arguments of a VMM that runs in the storage, each ended by a NUL. */
function vmmCommandLine(storage: string): string {
  for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    if (line.includes("qemu-system") && line.includes(storage)) return line;
  }
  return "";
}
