import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { memMib: 512 });
});
afterAll(() => world[Symbol.asyncDispose]());

test("250 commands that begin at once all run: none takes the files another needs to begin", async () => {
  const script = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo $i; done";
  const lines = Array.from({ length: 200 }, (_, n) => `${n + 1}\n`).join("");
  const running = Array.from({ length: 250 }, () => vm.exec(script));
  for (const result of await Promise.all(running))
    expect(result).toMatchObject({ stdout: lines, exitCode: 0 });
});
