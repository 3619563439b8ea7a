import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { BandSox } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let server: ChildProcess;
let bs: BandSox;
let url: string;

async function serve(port: string): Promise<ChildProcess> {
  const child = world.start("serve", "--port", port);
  for await (const line of createInterface({ input: child.stdout! })) {
    url = / at (http:\S+)$/.exec(line)?.[1] ?? "";
    if (url !== "") break;
  }
  child.stdout!.resume();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

beforeAll(async () => {
  world = await openWorld();
  server = await serve("0");
  bs = new BandSox(url);
});
afterAll(async () => {
  await end(server);
  await world[Symbol.asyncDispose]();
});

test("a real VM is made, used and read over the network, and a session survives the server's restart", async () => {
  const vm = await bs.createVm(`dir:${await busyboxRoot(world.dir)}`, {
    name: "far",
    memMib: 128,
    diskSizeMib: 256,
  });
  expect(await vm.exec("hostname; exit 4")).toMatchObject({ stdout: "far\n", exitCode: 4 });
  await vm.files.write("/tmp/a", "kept");
  expect(await vm.files.readText("/tmp/a")).toBe("kept");
  const session = await vm.sessions.start(
    "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.2; done",
  );
  const { port } = new URL(url);
  let text = "";
  let isRestarted = false;
  for await (const event of session.attach()) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
    if (isRestarted || !text.includes("line 5\n")) continue;
    isRestarted = true;
    await end(server);
    server = await serve(port);
  }
  expect(text).toBe(Array.from({ length: 40 }, (_, index) => `line ${index + 1}\n`).join(""));
  await vm.stop();
  const disk = await fetch(`${url}/api/vms/far/read-file?path=/tmp/a`);
  expect(await disk.json()).toEqual({ path: "/tmp/a", content: "kept" });
  await vm.delete();
});
