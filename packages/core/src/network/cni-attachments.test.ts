import { join } from "node:path";
import { NetworkSpec, VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { CniRecords } from "../store/cni-records.ts";
import { openDatabase } from "../store/database.ts";
import { Leases } from "../store/leases.ts";
import { CniAttachments } from "./cni-attachments.ts";

const id = VmId.parse("vm_aaaaaaaaaaaa");
const network = {
  ...{ name: "lab", file: "lab.conflist", plugins: ["bridge"], mapsPorts: true },
  config: { name: "lab", plugins: [{ type: "bridge" }] },
};
const spec = NetworkSpec.parse({ cni: "lab" });

/** Attachments whose helper writes down what it is asked for, and fails at what it is told to. */
async function world({ fails = [] as string[] } = {}) {
  const dir = await temporaryDirectory();
  const file = join(dir.path, "bandsox.db");
  const database = await openDatabase(file);
  const records = new CniRecords(database);
  const log: string[] = [];
  const act = (what: string) => {
    log.push(`${what}${records.find(id) ? "" : " without a row"}`);
    if (fails.includes(what)) throw new Error(`${what} failed`);
  };
  const helper = {
    attach: async () => {
      act("attach");
      return ["10.88.0.2/24", "fd00::2/64"];
    },
    detach: async () => act("detach"),
    apply: async () => act("rules"),
  };
  const attachments = new CniAttachments({
    ...{ records, leases: new Leases(database, file), helper, addresses: () => [] },
    ...{
      netnsDir: "/run/netns",
      prefix: "p",
      binDirs: [],
      cacheDir: dir.path,
      warn: (text) => void log.push(text),
    },
  });
  const dispose = async () => {
    database.close();
    await dir[Symbol.asyncDispose]();
  };
  return { attachments, records, log, fails, [Symbol.asyncDispose]: dispose };
}

test("a VM has the addresses its network gave, and is written down before anything is made", async () => {
  await using w = await world();
  const slot = await w.attachments.attach(id, { network, spec });
  expect(slot).toMatchObject({ netns: `/run/netns/p-${id}`, address: "10.88.0.2", address6: "fd00::2" });
  expect(w.attachments.find(id)).toEqual(slot);
  await w.attachments.detach(id);
  await w.attachments.detach(id);
  expect(w.log).toEqual(["attach", "rules", "detach"]);
  expect(w.records.list()).toEqual([]);
});

test.for([
  ["attach", ["attach", "detach"]],
  ["rules", ["attach", "rules", "detach"]],
] as const)("nothing is left when %s fails", async ([step, trace]) => {
  await using w = await world({ fails: [step] });
  await expect(w.attachments.attach(id, { network, spec })).rejects.toThrow(`${step} failed`);
  expect(w.log).toEqual(trace);
  expect(w.records.list()).toEqual([]);
});

test("what cannot be taken back stays written down until it can", async () => {
  await using w = await world({ fails: ["rules", "detach"] });
  await expect(w.attachments.attach(id, { network, spec })).rejects.toThrow("rules failed");
  expect(w.records.list()).toMatchObject([{ vmId: id, config: JSON.stringify(network.config) }]);
  expect(w.attachments.find(id)).toBeUndefined();
  const other = VmId.parse("vm_bbbbbbbbbbbb");
  const names = { network: "lab", config: "{}", containerId: "p-other", netns: "/run/netns/p-other" };
  w.records.begin({ vmId: other, ...names, ports: "[]" });
  w.log.length = 0;
  await w.attachments.reconcile(() => false);
  const warned = w.log.filter((text) => text.includes("it will be tried again: detach failed"));
  expect(warned).toHaveLength(2); // one that fails keeps nothing from the others
  expect(w.records.list()).toHaveLength(2);
  w.fails.length = 0;
  await w.attachments.reconcile((vmId) => vmId === id);
  expect(w.records.list()).toMatchObject([{ vmId: id }]);
  await w.attachments.reconcile(() => false);
  expect(w.records.list()).toEqual([]);
});
