import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BandSox, type Vm } from "bandsox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let bandsox: BandSox;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  const image = `dir:${await busyboxRoot(world.dir)}`;
  bandsox = new BandSox({ storageDir: world.storage, transport: "serial" });
  vm = await bandsox.createVm(image, { diskSizeMib: 128, memMib: 128 });
});
afterAll(async () => {
  await bandsox[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** What a session may end with when somebody else writes to its line. */
const lost = { code: "guest_unreachable" };

describe("a VM that is reached over its serial line", () => {
  test("says so", async () => {
    expect(await vm.info()).toMatchObject({ state: "running", transport: "serial" });
  });

  test("runs commands and passes every byte", async () => {
    const script = 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done | md5sum';
    const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const sum = createHash("md5").update(all).digest("hex");
    expect((await vm.exec(script)).stdout).toBe(`${sum}  -\n`);
    const raw = await collectRaw(vm, script.replace(" | md5sum", ""));
    expect(raw).toEqual(all);
  });

  test("commands run side by side", async () => {
    const results = await Promise.all(Array.from({ length: 10 }, (_, n) => vm.exec(`echo ${n}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
  });

  test("keeps its console apart", async () => {
    expect(await vm.execCommand("echo on the console > /dev/console; cat /proc/consoles")).toBe(0);
    expect((await vm.exec("cat /proc/consoles")).stdout).toMatch(/^ttyS1 /);
  });

  test.for([
    ["random bytes", "head -c 100000 /dev/urandom > /dev/ttyS0"],
    ["text", "busybox seq 1 2000 > /dev/ttyS0"],
    ["zeros", "head -c 5000 /dev/zero > /dev/ttyS0"],
    ["another setting of the line", "busybox stty sane < /dev/ttyS0; sleep 0.2"],
  ])("survives %s from a process of the guest", async ([, command]) => {
    await vm.exec(command ?? "").catch((error: unknown) => expect(error).toMatchObject(lost));
    expect(await vm.exec("echo again")).toMatchObject({ stdout: "again\n", exitCode: 0 });
  });

  test("survives a process that writes while commands run", async () => {
    await vm.execCommand("(while sleep 0.05; do echo noise; done) > /dev/ttyS0 2>&1 & echo $! > /noise");
    const runs = Array.from({ length: 20 }, () =>
      vm.exec("busybox seq 1 1000").then(
        ({ stdout }) => expect(stdout).toHaveLength(3893),
        (error: unknown) => expect(error).toMatchObject(lost),
      ),
    );
    await Promise.all(runs);
    await expect
      .poll(() => vm.execCommand("kill $(cat /noise)").catch(() => -1), { timeout: 30_000 })
      .toBeGreaterThanOrEqual(0);
    expect(await vm.exec("echo again")).toMatchObject({ stdout: "again\n" });
  });

  test("stops when asked", async () => {
    await vm.stop();
    expect(await vm.info()).toMatchObject({ state: "stopped" });
  });
});

describe("a guest whose port to the host is taken away", () => {
  const unbind =
    "cd /sys/bus/virtio/drivers/virtio_console; for device in virtio*; do echo $device > unbind; done";

  test("is reached over its console's line, where what runs goes on; started again, it has its port again", async () => {
    const other = join(world.dir, "other");
    await mkdir(other);
    const image = `dir:${await busyboxRoot(other)}`;
    const lonely = await world.bandsox.createVm(image, { diskSizeMib: 128, memMib: 128 });
    expect((await lonely.info()).transport).toBe("virtio-serial");
    const running = lonely.exec("sleep 4; echo it went on");
    const session = await lonely.sessions.start(["cat"], { stdin: true });
    await lonely.execCommand(unbind).catch((error: unknown) => expect(error).toMatchObject(lost));
    expect(await lonely.exec("echo again")).toMatchObject({ stdout: "again\n", exitCode: 0 });
    expect((await lonely.info()).transport).toBe("serial");
    expect(await running).toMatchObject({ stdout: "it went on\n", exitCode: 0 });
    expect(await lonely.execCommand("echo to the console > /dev/console")).toBe(0);
    await lonely.files.write("/f", Buffer.alloc(20_000, 7));
    expect(Buffer.from(await lonely.files.read("/f")).equals(Buffer.alloc(20_000, 7))).toBe(true);
    expect((await lonely.sessions.list()).map(({ id }) => id)).toContain(session.id);
    await lonely.pause();
    await lonely.resume();
    expect(await lonely.exec("echo awake")).toMatchObject({ stdout: "awake\n" });
    await lonely.stop();
    await lonely.start();
    expect(await lonely.exec("cat /f | wc -c")).toMatchObject({ stdout: "20000\n" });
    expect((await lonely.info()).transport).toBe("virtio-serial");
    await lonely.delete();
  });
});

async function collectRaw(of: Vm, command: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const event of of.execStream(command)) if (event.type === "stdout") pieces.push(event.data);
  return Buffer.concat(pieces);
}
