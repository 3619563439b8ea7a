import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

/** `BANDSOX_LEAK_CYCLES=200` is the whole proof; it takes minutes. */
const CYCLES = Number(process.env.BANDSOX_LEAK_CYCLES ?? 10);
const CYCLE_LIMIT_MS = 60_000;

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

/** Everything a VM may leave behind: processes and mounts, open files of this process, files, rows. */
function held() {
  const database = new DatabaseSync(join(world.storage, "bandsox.db"), { readOnly: true });
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  const rows = { vms: count("vms"), resources: count("resources"), leases: count("leases") };
  database.close();
  const names = (dir: string) => readdirSync(join(world.storage, dir));
  const files = {
    vms: names("vms"),
    staging: names("staging"),
    snapshots: names("snapshots"),
    goldens: names("goldens"),
  };
  return { leftovers: world.leftovers(), descriptors: readdirSync("/proc/self/fd").length, rows, files };
}

async function cycle(n: number): Promise<void> {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  expect(await vm.exec(["echo", `${n}`])).toMatchObject({ exitCode: 0, stdout: `${n}\n` });
  if (n % 5 === 4) await world.bandsox.snapshots.delete((await vm.snapshot()).id);
  if (n % 5 === 3) await vm.pause();
  if (n % 5 === 2) await vm.stop();
  await vm.delete();
}

test(`nothing is left of ${CYCLES} VMs that were created, used and deleted`, {
  timeout: CYCLES * CYCLE_LIMIT_MS,
}, async () => {
  for (let n = 0; n < 5; n++) await cycle(n); // what is made once is there
  const before = held();
  expect(before).toMatchObject({ leftovers: [], rows: { vms: 0, resources: 0, leases: 0 } });
  for (let n = 0; n < CYCLES; n++) await cycle(n);
  expect(held()).toEqual(before);
  expect(await world.bandsox.cleanup()).toMatchObject({ counts: {}, left: [] });
});
