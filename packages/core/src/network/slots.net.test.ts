import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type NetworkSpec, NetworkSpec as Spec, VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { Operations } from "../base/operations.ts";
import { defaultBinDir, helperPaths } from "../host/paths.ts";
import { openDatabase } from "../store/database.ts";
import { Leases } from "../store/leases.ts";
import { openNetworks } from "./open-networks.ts";

const CYCLES = 200;
const network: NetworkSpec = Spec.parse({});
const vm = (index: number) => ({ id: VmId.parse(`vm_${String(index).padStart(12, "a")}`), name: "one" });

/** Networks of a storage of the test's own. */
async function openWorld(pool: number) {
  await using opening = new AsyncDisposableStack();
  const { path } = opening.use(await temporaryDirectory());
  const file = join(path, "bandsox.db");
  const database = opening.adopt(await openDatabase(file), (opened) => opened.close());
  const operations = opening.use(new Operations(path));
  const networks = openNetworks({
    ...{ database, operations, leases: new Leases(database, file), root: path, options: { pool } },
    ...{ members: () => [], vmDir: () => path },
    ...{ helpers: helperPaths(defaultBinDir(process.env)), warn: (message) => expect.fail(message) },
  });
  const all = opening.move();
  return { networks, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Everything networks consist of here, as text. */
async function networkState(): Promise<unknown> {
  const shown = [
    ["ip", "-br", "link"],
    ["ip", "route", "show", "table", "all"],
    ["nft", "list", "ruleset"],
    ["sysctl", "-n", "net.ipv4.ip_forward"],
  ] as const;
  const [links, ...rest] = await Promise.all(shown.map(([program, ...args]) => execa(program, args)));
  return [links, ...rest].map((one) => one?.stdout).concat((await readdir("/run/netns")).join());
}

test(`${CYCLES} slots given and taken back leave nothing behind`, { timeout: 120_000 }, async () => {
  await using w = await openWorld(2);
  const before = await networkState();
  await w.networks.attach(vm(0), network); // so that others' slots rest, and are used again
  for (let index = 1; index <= CYCLES; index++) {
    const { nic } = await w.networks.attach(vm(index), network);
    expect(nic.backend).toMatchObject({ kind: "tap" });
    await w.networks.detach(vm(index).id);
  }
  await w.networks.detach(vm(0).id);
  expect(await networkState()).toEqual(before);
});
