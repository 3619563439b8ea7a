import { createHash, randomBytes } from "node:crypto";
import type { Vm } from "bandsox";
import { expect, test } from "vitest";
import { busyboxRoot } from "../e2e/support/world.ts";
import { isReal } from "./support/binary.ts";
import { openFirecrackerWorld } from "./support/use-firecracker.ts";

/** A command that reads to the end of its stdin, with what it is given, piece by piece. */
function reading(vm: Vm) {
  const pieces: Buffer[] = [];
  let isOver = false;
  async function* slowly() {
    while (!isOver) {
      const piece = randomBytes(50_000);
      pieces.push(piece);
      yield piece;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const running = vm.exec("echo run >> /dev/shm/runs; tee /dev/stderr | md5sum", { stdin: slowly() });
  return {
    async end() {
      isOver = true;
      const { stdout, stderr: _, exitCode } = await running;
      const sum = createHash("md5").update(Buffer.concat(pieces)).digest("hex");
      return { exitCode, isExact: stdout === `${sum}  -\n` };
    },
  };
}

test("a command goes on across a snapshot and a pause, and none of it runs in the clone", async () => {
  await using world = await openFirecrackerWorld();
  const vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { memMib: 128 });
  const read = reading(vm);
  const counting = vm.exec("i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.1; done");
  await expect.poll(async () => (await vm.exec("cat /dev/shm/runs")).stdout).toBe("run\n");
  const { id } = await vm.snapshot();
  await vm.pause();
  await vm.resume();
  const clone = await world.bandsox.snapshots.restore(id);
  expect((await clone.exec("busybox ps | grep -c '[m]d5sum'")).stdout.trim()).toBe("0");
  await clone.delete();
  expect(await read.end()).toEqual({ exitCode: 0, isExact: true });
  const lines = Array.from({ length: 60 }, (_, n) => `${n}\n`).join("");
  expect(await counting).toMatchObject({ stdout: lines, exitCode: 0 });
  expect((await vm.exec("cat /dev/shm/runs")).stdout).toBe("run\n");
  await world.bandsox.snapshots.delete(id);
});

test.skipIf(isReal)("a command goes on over the serial line when vsock is dead after a pause", async () => {
  await using world = await openFirecrackerWorld({ losesVsock: "on resume" });
  process.env.BANDSOX_PATIENCE = "5"; // less than a command waits for its client
  const vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, {
    ...{ memMib: 128, boot: "cold" },
  });
  const counting = vm.exec("i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.1; done");
  await vm.execCommand("true");
  await vm.pause();
  await vm.resume();
  const lines = Array.from({ length: 60 }, (_, n) => `${n}\n`).join("");
  expect(await counting).toMatchObject({ stdout: lines, exitCode: 0 });
  expect(await vm.info()).toMatchObject({ transport: "serial" });
});
