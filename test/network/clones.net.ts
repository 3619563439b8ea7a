import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { networkState, openInternet } from "./support/internet.ts";

const CLONES = 16;
const MEM_MIB = 128;

const resources = new AsyncDisposableStack();
let world: World;
let clones: readonly Vm[];

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  const root = await busyboxRoot(world.dir);
  const source = await world.bandsox.createVm(`dir:${root}`, { memMib: MEM_MIB });
  await source.exec("mkdir -p /srv");
  await source.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
  const snapshot = await source.snapshot({ name: "served" });
  await source.delete();
  clones = await Promise.all(
    Array.from({ length: CLONES }, () => world.bandsox.snapshots.restore(snapshot.id)),
  );
});
afterAll(() => resources.disposeAsync());

test(`${CLONES} clones of one snapshot reach the Internet at once, from the first packet`, async () => {
  const request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 20 93.184.216.34 80";
  const answers = await Promise.all(clones.map((vm) => vm.exec(request, { timeoutMs: 60_000 })));
  for (const { stdout } of answers) expect(stdout).toContain("you are 192.0.2.2 at 93.184.216.34");
});

test("each is reached from this host by an address of its own", async () => {
  const infos = await Promise.all(clones.map((vm) => vm.info()));
  const addresses = infos.map(({ network }) => network?.address ?? "none");
  expect(new Set(addresses).size).toBe(CLONES);
  await Promise.all(clones.map((vm, at) => vm.files.writeText("/srv/index.html", `I am ${at}\n`)));
  const answers = await Promise.all(
    addresses.map(async (address) => (await fetch(`http://${address}/index.html`)).text()),
  );
  expect(answers).toEqual(clones.map((_, at) => `I am ${at}\n`));
});
