import { writeFileSync } from "node:fs";
import { EventQuery } from "@bandsox/contract";
import { type RunningVm, runningVm } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { vmPaths } from "../host/paths.ts";
import { restoreSnapshot } from "../snapshot/restore-snapshot.ts";
import { Snapshots } from "../snapshot/snapshots.ts";
import { attend } from "./attend.ts";

/** What was written down, without the numbers and times. */
async function written({ ports }: RunningVm, vm?: string) {
  ports.events.flush();
  const query = EventQuery.parse({ follow: false, ...(vm === undefined ? {} : { vm }) });
  const events = await Array.fromAsync(ports.events.read(query));
  return events.map(({ type, details }) => ({ type, details }));
}

test("a VM's life is written down as it goes on, and stays when the VM is gone", async () => {
  await using w = await runningVm();
  const { id } = w.vm;
  await w.vm.pause();
  await w.vm.pause();
  await w.vm.resume();
  await w.vm.rename("other");
  await w.vm.setMetadata({ a: 1 });
  await w.vm.restart();
  await w.vm.delete();
  const types = (await written(w, id)).map(({ type }) => type);
  expect(types).toEqual([
    ...["vm.created", "vm.started", "vm.paused", "vm.resumed", "vm.renamed", "vm.metadata_replaced"],
    ...["vm.stopped", "vm.started", "vm.deleted"],
  ]);
});

test("how a VM ended is told apart: asked for, by its guest, by itself", async () => {
  await using w = await runningVm();
  const { dir } = vmPaths(w.ports.paths, w.vm.id);
  await w.vm.stop();
  await w.vm.start();
  await w.engine.crash(dir, { exitCode: 0 });
  await w.vm.info();
  await w.vm.start();
  await w.engine.crash(dir, { exitCode: 1, reason: "boom" });
  await w.vm.info();
  const ends = (await written(w)).filter(({ type }) => type === "vm.stopped" || type === "vm.died");
  expect(ends).toMatchObject([
    { type: "vm.stopped", details: { cause: "stopped" } },
    { type: "vm.stopped", details: { cause: "powered_off" } },
    { type: "vm.died", details: { failure: expect.stringContaining("boom") } },
  ]);
});

test("snapshots, and what goes on from them, are written down", async () => {
  await using w = await runningVm();
  const { id: snapshotId } = await w.vm.snapshot({ name: "before" });
  const clone = await restoreSnapshot(w.ports, "before");
  await w.vm.rollback(snapshotId);
  await new Snapshots(w.ports).delete(snapshotId, { force: true });
  expect(await written(w, clone.id)).toMatchObject([
    { type: "vm.created" },
    { type: "vm.restored", details: { snapshotId } },
  ]);
  expect((await written(w, w.vm.id)).slice(2)).toEqual([
    { type: "snapshot.created", details: { snapshotId, name: "before" } },
    { type: "vm.rolled_back", details: { snapshotId } },
    { type: "snapshot.deleted", details: { snapshotId, name: "before" } },
  ]);
});

test("commands are written down with their exit, also those nobody waited for", async () => {
  await using w = await runningVm();
  await w.vm.exec(["sh", "-c", "exit 7"]);
  for await (const event of w.vm.execStream(["sh", "-c", "echo up; sleep 60"])) {
    if (event.type === "stdout") break;
  }
  await w.vm.exec(["echo", "x".repeat(1000)]);
  const execs = (await written(w)).filter(({ type }) => type.startsWith("exec."));
  expect(execs.slice(0, 2)).toMatchObject([
    { type: "exec.started", details: { command: "sh -c exit 7" } },
    { type: "exec.ended", details: { exitCode: 7 } },
  ]);
  expect(execs[3]?.details).not.toHaveProperty("exitCode");
  expect(execs.at(-2)?.details).toMatchObject({ command: `echo ${"x".repeat(251)}` });
});

test("a death is written down when it happens, for who follows, and a VM is deleted when its time has come", async () => {
  await using w = await runningVm();
  writeFileSync(w.ports.paths.vmSignal, "");
  const controller = new AbortController();
  const attending = attend(w.ports, controller.signal);
  const query = EventQuery.parse({ since: "now", types: ["vm.died", "vm.deleted"] });
  const events = w.ports.events.read(query, controller.signal);
  const death = events.next();
  await w.engine.crash(w.dir, { exitCode: 1 });
  writeFileSync(w.ports.paths.vmSignal, ""); // as its supervisor does
  expect((await death).value).toMatchObject({ type: "vm.died", vmId: w.vm.id });
  await w.vm.setLimits({ timeoutMs: 1000, onTimeout: "delete" });
  writeFileSync(w.ports.paths.vmSignal, "");
  expect((await events.next()).value).toMatchObject({ type: "vm.deleted", vmId: w.vm.id });
  controller.abort();
  await attending;
});

test("a start that fails is told, and so is nothing that only passes by", async () => {
  await using w = await runningVm();
  await w.vm.stop();
  w.engine.beforeBoot = () => {
    throw new Error("no such luck");
  };
  await expect(w.vm.start()).rejects.toThrow("no such luck");
  expect((await written(w)).map(({ type }) => type)).toEqual([
    ...["vm.created", "vm.started", "vm.stopped", "vm.start_failed"],
  ]);
});
