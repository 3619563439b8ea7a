import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { breakConnections } from "./support/break-connections.ts";
import { busyboxRoot, finish, openWorld, type World } from "./support/world.ts";

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { memMib: 256 });
});
afterAll(() => world[Symbol.asyncDispose]());

const cut = () => breakConnections(join(world.storage, "vms", vm.id));
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

/** Breaks the guest's connections again and again while something goes on. @returns how often */
async function whileBreaking(work: Promise<unknown>): Promise<number> {
  let isOver = false;
  const done = work.finally(() => {
    isOver = true;
  });
  done.catch(() => {}); // told by whoever waits for it
  let times = 0;
  for (; !isOver; times++) {
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 300))]);
    await cut();
  }
  return times;
}

test("a command goes on where its connection broke, and was started once", async () => {
  const script =
    "echo run >> /dev/shm/runs; i=0; while [ $i -lt 30 ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 7";
  const running = vm.exec(script);
  expect(await whileBreaking(running)).toBeGreaterThan(3);
  const lines = Array.from({ length: 30 }, (_, n) => `${n}\n`).join("");
  expect(await running).toMatchObject({ stdout: lines, exitCode: 7 });
  expect((await vm.exec("wc -l < /dev/shm/runs")).stdout.trim()).toBe("1");
});

test("one whose start breaks off with its connection is started all the same, and once", async () => {
  for (let n = 1; n <= 20; n++) {
    const running = [
      vm.exec("echo run >> /dev/shm/starts"),
      vm.exec("cat >> /dev/shm/starts", { stdin: "run\n" }),
    ];
    const results = Promise.all(running);
    await cut();
    expect(await results).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    expect((await vm.exec("wc -l < /dev/shm/starts")).stdout.trim()).toBe(`${2 * n}`);
  }
});

test("output is exact, however much of it was on its way", async () => {
  await vm.execCommand("head -c 8000000 /dev/urandom > /dev/shm/data");
  const { stdout: sum } = await vm.exec("md5sum < /dev/shm/data");
  const hash = createHash("md5");
  let size = 0;
  const reading = (async () => {
    for await (const event of vm.execStream("for i in 1 2 3 4 5 6; do cat /dev/shm/data; sleep 0.2; done")) {
      if (event.type !== "stdout") continue;
      hash.update(event.data);
      size += event.data.length;
    }
  })();
  expect(await whileBreaking(reading)).toBeGreaterThan(2);
  await reading;
  expect(size).toBe(48_000_000);
  const whole = await vm.exec("for i in 1 2 3 4 5 6; do cat /dev/shm/data; done | md5sum");
  expect(`${hash.digest("hex")}  -\n`).toBe(whole.stdout);
  expect(sum).toMatch(/^[0-9a-f]{32} /);
});

test("stdin is exact, however much of it was on its way", async () => {
  const pieces = Array.from({ length: 40 }, () => randomBytes(100_000 + (randomBytes(1)[0] ?? 0)));
  async function* slowly() {
    for (const piece of pieces) {
      yield piece;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
  const running = vm.exec("md5sum", { stdin: slowly() });
  expect(await whileBreaking(running)).toBeGreaterThan(2);
  expect(await running).toMatchObject({ stdout: `${md5(Buffer.concat(pieces))}  -\n`, exitCode: 0 });
});

/** What is below the working directory: names, what files hold, and which of them are one */
const TREE_SUM = "(find . | sort; find . -type f | sort | xargs md5sum; stat -c %h d0/f0 again) | md5sum";
const hostTreeSum = async (cwd: string) =>
  (await promisify(execFile)("sh", ["-c", TREE_SUM], { cwd, env: { ...process.env, LC_ALL: "C" } })).stdout;

async function plantTree(root: string): Promise<void> {
  for (let n = 0; n < 600; n++) {
    await mkdir(join(root, `d${n % 7}`), { recursive: true });
    await writeFile(join(root, `d${n % 7}`, `f${n}`), randomBytes(n % 5 === 0 ? 20_000 : 100));
  }
  for (const name of ["large", "larger"]) await writeFile(join(root, name), randomBytes(30_000_000));
  await link(join(root, "d0", "f0"), join(root, "again"));
}

test("trees are exact, whichever way they go, and are not sent again as a whole", async () => {
  const [from, back] = [join(world.dir, "tree"), join(world.dir, "tree-back")];
  await plantTree(from);
  const sum = await hostTreeSum(from);
  expect(await whileBreaking(vm.files.uploadTree(from, "/tree"))).toBeGreaterThan(2);
  expect((await vm.exec(TREE_SUM, { cwd: "/tree" })).stdout).toBe(sum);
  const told: number[] = [];
  const downloading = vm.files.downloadTree("/tree", back, {
    onProgress: ({ bytes }) => void told.push(bytes),
  });
  expect(await whileBreaking(downloading)).toBeGreaterThan(2);
  expect(await hostTreeSum(back)).toBe(sum);
  expect(told).toEqual(told.toSorted((a, b) => a - b)); // begun anew, it would fall
});

const processes = async (name: string) =>
  (await vm.exec(`busybox ps | grep -c '[s]leep ${name}'`)).stdout.trim();

test("what goes on from a save in the middle of a transfer is reached by the same channel", async () => {
  const file = join(world.dir, "file");
  await writeFile(file, randomBytes(60_000_000));
  for (const afterBytes of [5_000_000, 20_000_000, 40_000_000]) {
    const isOnItsWay = Promise.withResolvers<void>();
    const uploading = vm.files.uploadFile(file, "/file", {
      onProgress: ({ bytes }) => void (bytes > afterBytes && isOnItsWay.resolve()),
    });
    await isOnItsWay.promise;
    const snapshot = await vm.snapshot();
    await uploading;
    expect((await vm.exec("md5sum < /file")).stdout).toBe(`${md5(await readFile(file))}  -\n`);
    const clone = await world.bandsox.snapshots.restore(snapshot.id);
    expect(await clone.info()).toMatchObject({ transport: "virtio-serial" });
    expect((await clone.exec("ls /file* | wc -l")).exitCode).toBe(0);
    await clone.delete();
    await vm.files.remove("/file");
  }
});

test("one that is not wanted any more is killed, after its connection broke too", async () => {
  const stop = new AbortController();
  const running = vm.exec("echo; sleep 7001 & sleep 7001", { signal: stop.signal });
  await expect.poll(() => processes("7001")).toBe("2");
  await cut();
  expect(await processes("7001")).toBe("2");
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
  await expect.poll(() => processes("7001")).toBe("0");
});

test("one whose client is killed is ended some time later, and a session is not", async () => {
  const session = await vm.sessions.start("sleep 7003");
  const child = world.start("exec", vm.id, "sleep", "7002");
  const ended = finish(child);
  await expect.poll(() => processes("7002"), { timeout: 20_000 }).toBe("1");
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
  await expect.poll(() => processes("7002"), { timeout: 45_000, interval: 1000 }).toBe("0");
  expect(await processes("7003")).toBe("1");
  await session.kill();
});
