import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const IDENTITY = "hostname; cat /etc/machine-id /run/bandsox-restore-id; head -c 16 /dev/urandom | md5sum";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  const root = await busyboxRoot(world.dir);
  writeFileSync(join(root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  image = `dir:${root}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const pools = async () => JSON.parse((await world.cli("pool", "list", "--json")).stdout);

test("processes take VMs of a pool at the same time, and one of them fills it again", async () => {
  const set = await world.cli("pool", "set", "--shape", `${image},mem=128`, "--size", "2");
  expect(set).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pool_/) });
  expect(await pools()).toMatchObject([{ size: 2, ready: 2, hits: 0, misses: 0, refills: 2 }]);
  const made = await Promise.all(
    ["one", "two"].map((name) =>
      world.cli("create", "-q", "--mem", "128", "--name", name, "-e", `WHO=${name}`, image),
    ),
  );
  for (const one of made) expect(one).toMatchObject({ code: 0 });
  const seen = await Promise.all(
    ["one", "two"].map(async (name) =>
      (await world.cli("exec", name, "sh", "-c", IDENTITY)).stdout.split("\n"),
    ),
  );
  expect(seen.map(([hostname]) => hostname)).toEqual(["one", "two"]);
  for (let line = 1; line < 4; line++)
    expect(new Set(seen.map((lines) => lines[line])).size, `line ${line}`).toBe(2);
  expect((await world.cli("exec", "two", "sh", "-c", "echo $WHO")).stdout).toBe("two\n");
  // The processes that took them have ended; what they started for it makes two more.
  await expect.poll(pools, { timeout: 60_000 }).toMatchObject([{ ready: 2, hits: 2, misses: 0, refills: 4 }]);
});

test("removing a pool ends the VMs it keeps, and not those that were taken from it", async () => {
  const taken = await world.bandsox.createVm(image, { memMib: 128 });
  await world.bandsox.pools.fill();
  expect(await world.cli("pool", "remove", image)).toMatchObject({ code: 0 });
  expect(await pools()).toEqual([]);
  expect((await taken.exec("echo here")).stdout).toBe("here\n");
  const running = await world.bandsox.listVms();
  for (const { id } of running) await (await world.bandsox.getVm(id)).delete();
  await expect.poll(() => world.leftovers(), { timeout: 20_000 }).toEqual([]);
});
