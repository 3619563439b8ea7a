import { once } from "node:events";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { BandSox } from "bandsox";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const POLL = { timeout: 60_000, interval: 5 };

test("a storage as a power cut leaves it opens elsewhere, and never touches the original's VMs", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  await vm.exec("echo written > /file; sync");
  const creating = world.start("create", "--mem", "128", "--boot", "cold", image);
  const signatures = () => globSync("vms/*/supervisor.json", { cwd: world.storage });
  await expect.poll(signatures, POLL).toHaveLength(2);
  process.kill(-(creating.pid ?? 0), "SIGSTOP"); // in the middle of it
  const copy = join(world.dir, "copy");
  await execa("cp", ["-a", "--sparse=always", world.storage, copy]);
  {
    await using other = new BandSox({ storageDir: copy });
    expect((await other.cleanup({ dryRun: true })).counts).toMatchObject({ vm: 2 });
    const listed = await other.listVms();
    const causes = Object.fromEntries(listed.map(({ id, state, ended }) => [id, [state, ended?.cause]]));
    expect(causes[vm.id]).toEqual(["failed", "storage_moved"]);
    expect(Object.values(causes)).toContainEqual(["failed", "create_failed"]);
    expect(listed).toHaveLength(2);
    const twin = await other.getVm(vm.id);
    await twin.start();
    expect(await twin.exec("cat /file")).toMatchObject({ stdout: "written\n" });
    await twin.exec("echo other > /file");
    for (const { id } of listed) await (await other.getVm(id)).delete();
    expect(await other.cleanup()).toMatchObject({ counts: {}, left: [] });
  }
  expect(existsSync(join(world.storage, "vms", vm.id))).toBe(true);
  expect(await vm.info()).toMatchObject({ state: "running" });
  expect(await vm.exec("cat /file")).toMatchObject({ stdout: "written\n" });
  const ended = once(creating, "close");
  process.kill(-(creating.pid ?? 0), "SIGCONT");
  expect(await ended).toEqual([0, null]);
});
