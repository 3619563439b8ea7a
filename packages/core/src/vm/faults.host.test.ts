import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";

const TESTKIT = import.meta.resolve("@bandsox/testkit");
const OWN = import.meta.resolve("./create-vm.ts").replace("create-vm.ts", "");

const canMount =
  spawnSync("unshare", ["--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], { stdio: "ignore" }).status ===
  0;
if (!canMount)
  process.stderr.write("faults: skipped, this user cannot mount a small file system in a namespace\n");

/** Runs a program whose `storage` is a file system of 4 MiB in a mount namespace of its own. @returns what it tells */
async function onSmallDisk(program: string): Promise<unknown> {
  await using directory = await temporaryDirectory();
  const source = `
    import { spawnSync } from "node:child_process";
    import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
    import { VmSpec } from "@bandsox/contract";
    import { fakeEngine, fakePorts } from ${JSON.stringify(TESTKIT)};
    import { createVm } from ${JSON.stringify(`${OWN}create-vm.ts`)};
    import { reconcile } from ${JSON.stringify(`${OWN}reconcile.ts`)};
    import { Vm } from ${JSON.stringify(`${OWN}vm.ts`)};
    const storage = process.argv[1];
    const engine = fakeEngine();
    const open = () => fakePorts(storage, engine);
    const create = (ports) => ports.operations.run(undefined, () => createVm(ports, VmSpec.parse({ image: "alpine" })));
    const outcome = (work) => work.then(() => "ok", (error) => error.code ?? String(error));
    const fill = () => {
      try { writeFileSync(storage + "/filler", Buffer.alloc(8 << 20)); } catch (error) { if (error.code !== "ENOSPC") throw error; }
    };
    const names = (dir) => (existsSync(dir) ? readdirSync(dir) : []);
    const tell = (value) => process.stdout.write(JSON.stringify(value), () => process.exit(0));
    ${program}
  `;
  const node = [process.execPath, "--conditions=bandsox-source", "--disable-warning=ExperimentalWarning"];
  const mount = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$1" && shift && exec "$@"';
  const argv = [
    "--mount",
    "sh",
    "-c",
    mount,
    "sh",
    directory.path,
    ...node,
    "--input-type=module",
    "--eval",
    source,
    directory.path,
  ];
  const child = spawn("unshare", argv, { stdio: ["ignore", "pipe", "inherit"], cwd: import.meta.dirname });
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(code).toBe(0);
  return JSON.parse(told);
}

test.skipIf(!canMount)(
  "a full disk is told as one, costs no VM that is there, and passes",
  async () => {
    const told = await onSmallDisk(`
    const ports = await open();
    const first = await create(ports);
    const vm = new Vm(ports, first.id);
    fill();
    const refused = [];
    for (let n = 0; n < 3; n++) refused.push(await outcome(create(ports)));
    refused.push(await outcome(vm.snapshot()));
    const echoed = (await vm.exec(["echo", "still here"])).stdout;
    rmSync(storage + "/filler");
    await reconcile(ports);
    const left = [names(ports.paths.vmsDir).length, names(ports.paths.stagingDir).length, ports.records.list().length];
    const again = [await outcome(create(ports)), await outcome(vm.snapshot()), await outcome(vm.delete())];
    tell({ refused: [...new Set(refused)], echoed, left, again });
  `);
    expect(told).toEqual({
      refused: ["disk_full"],
      echoed: "still here\n",
      left: [1, 0, 1],
      again: ["ok", "ok", "ok"],
    });
  },
  120_000,
);

test.skipIf(!canMount)(
  "a storage that cannot be written says so, and opens again once it can",
  async () => {
    const told = await onSmallDisk(`
    const remount = (how) => spawnSync("mount", ["-o", "remount," + how, storage]).status;
    const first = await open();
    await create(first);
    await first[Symbol.asyncDispose]();
    const closed = remount("ro");
    const refused = await outcome(open());
    const opened = remount("rw");
    const again = await open();
    tell({ closed, refused, opened, states: again.records.list().map(({ state }) => state) });
  `);
    expect(told).toEqual({ closed: 0, refused: "storage_unavailable", opened: 0, states: ["running"] });
  },
  120_000,
);
