/**
 * One VM under a real KVM: boots, runs commands, is paused, snapshotted, and gone on from twice. QEMU's, and Firecracker's
 * where `FIRECRACKER_BIN` names one. Says what it does, and ends with another exit status than 0 when something is not as
 * it should be.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
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

const { FIRECRACKER_BIN } = process.env;
await run("qemu", /-accel\0kvm\0/);
if (FIRECRACKER_BIN) await run("firecracker", /firecracker/);

/** The life of one engine's VM. `vmm` is what its VMM's command line has where that runs on KVM. */
async function run(engine: string, vmm: RegExp): Promise<void> {
  say(`engine ${engine}`);
  await using stack = new AsyncDisposableStack();
  const bandsox = stack.use(new BandSox({ storageDir, engine, firecracker: FIRECRACKER_BIN }));
  stack.defer(async () => {
    for (const { id } of await bandsox.listVms()) await (await bandsox.getVm(id)).delete();
    await bandsox.snapshots.delete("moment").catch(() => undefined); // none was taken
  });
  const vm = await bandsox.createVm(image, { name: "first", memMib: 128 });
  say("a VM boots, is saved as a golden, and a second goes on from it");
  assert.match(commandLines(storageDir), vmm, "the VMM runs on KVM");
  say("its VMM runs on KVM");

  assert.equal((await vm.exec("echo $((6 * 7))")).stdout, "42\n");
  assert.equal(await vm.execCommand(["false"]), 1);
  await vm.files.write("/tmp/bytes", Buffer.alloc(1_000_000, "of the host "));
  assert.equal((await vm.files.read("/tmp/bytes")).length, 1_000_000);
  say("it runs commands, and files go both ways");

  await vm.pause();
  await vm.resume();
  const { transport } = await vm.info();
  assert.equal((await vm.exec("echo on")).stdout, "on\n");
  assert.equal((await vm.info()).transport, transport, "the channel is the same as before the pause");
  say(`it is paused and goes on, over ${transport}`);

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
}

/** A root with a busybox, enough for a shell. */
function busyboxRoot(root: string): string {
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "tmp"));
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "cat", "echo", "false", "mv", "sleep"])
    symlinkSync("busybox", join(root, "bin", name));
  return root;
}

/** The arguments of the processes that run in the storage, each ended by a NUL. */
function commandLines(storage: string): string {
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return pids
    .filter((pid) => (linkAt(`/proc/${pid}/cwd`) ?? "").startsWith(storage))
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
    .join("\n");
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // it has ended, or is the kernel's
  }
}
