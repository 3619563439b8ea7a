import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("two processes create eight VMs at once in one fresh storage, and all answer", async () => {
  const image = `dir:${await busyboxRoot(world.dir)}`;
  const here = Array.from({ length: 4 }, (_, n) =>
    world.bandsox.createVm(image, { name: `lib-${n}`, memMib: 128, diskSizeMib: 256 }),
  );
  const there = Array.from({ length: 4 }, (_, n) =>
    world.cli("create", "-q", "--name", `cli-${n}`, "--mem", "128", "--disk-size", "256", image),
  );
  await Promise.all(here);
  for (const result of await Promise.all(there))
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^vm_\w{12}\n$/) });
  const vms = await world.bandsox.listVms();
  expect(vms).toHaveLength(8);
  const answers = await Promise.all(
    vms.map(async ({ id }) => (await (await world.bandsox.getVm(id)).exec("hostname")).stdout.trim()),
  );
  expect(answers.toSorted()).toEqual(vms.map(({ name }) => name).toSorted());
  expect(await world.cli("vm", "delete", ...vms.map(({ id }) => id))).toMatchObject({ code: 0 });
  expect(world.leftovers()).toEqual([]);
});
