import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { serverWorld } from "../../../test/support/server-world.ts";
import { BandSox, isBandSoxError } from "./index.ts";

/** A library on its own storage, and one over a server of such a storage: both have to do the same. */
const WAYS = {
  local: async () => {
    const world = await serverWorld();
    return { ...world, bs: world.bandsox };
  },
  remote: async () => {
    const world = await serverWorld({ closed: true });
    return { ...world, bs: new BandSox(world.url, { apiKey: world.credentials?.key }) };
  },
};

describe.for(Object.entries(WAYS))("%s", ([, open]) => {
  test("makes, finds, names, lists and deletes VMs", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine", {
      name: "one",
      env: { myKey: "1" },
      metadata: { someKey: { innerKey: 2 } },
    });
    expect(await vm.info()).toMatchObject({
      ...{ id: vm.id, name: "one", state: "running", image: "alpine", memMib: 256 },
      ...{ env: { myKey: "1" }, metadata: { someKey: { innerKey: 2 } } },
    });
    expect((await w.bs.getVm("one")).id).toBe(vm.id);
    expect(await vm.rename("two")).toMatchObject({ name: "two" });
    expect(await vm.setMetadata({ other: true })).toMatchObject({ metadata: { other: true } });
    expect((await w.bs.listVms()).map(({ id }) => id)).toEqual([vm.id]);
    await vm.delete();
    await expect(vm.info()).rejects.toMatchObject({
      code: "vm_not_found",
      details: { vmId: vm.id },
      retryable: false,
    });
    expect(await w.bs.listVms()).toEqual([]);
  });

  test("runs commands: their result, their output as it comes, their input", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    expect(await vm.execCommand("exit 7")).toBe(7);
    const result = await vm.exec("echo out; echo err >&2; exit 3");
    expect(result).toMatchObject({
      exitCode: 3,
      stdout: "out\n",
      stderr: "err\n",
      timedOut: false,
      truncated: false,
    });
    const events = [];
    for await (const event of vm.execStream(["printf", "a€b"])) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: "exit", exitCode: 0 });
    expect(Buffer.from((events[0] as { data: Uint8Array }).data).toString()).toBe("a€b");
    expect((await vm.exec("cat", { stdin: "typed" })).stdout).toBe("typed");
    const pieces = async function* () {
      yield "one ";
      yield "two";
    };
    expect((await vm.exec("cat", { stdin: pieces() })).stdout).toBe("one two");
    await expect(vm.exec(["/no/such/program"])).rejects.toMatchObject({ code: "exec_not_started" });
  });

  test("a command whose reader leaves is killed", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const { path } = await temporaryDirectory();
    const mark = join(path, "ended");
    for await (const event of vm.execStream(
      `trap 'touch ${mark}' TERM; echo begun; sleep 30; touch ${mark}`,
    )) {
      expect(event.type).toBe("stdout");
      break;
    }
    await expect(readFile(mark)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("an interrupted call says so", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const controller = new AbortController();
    const running = vm.exec("sleep 30", { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(running).rejects.toSatisfy((error) => isBandSoxError(error, "interrupted"));
  });

  test("sessions outlive their clients, take input and are read again from the start", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const session = await vm.sessions.start("read line; echo got $line; exit 5", { stdin: true });
    await session.write("hello\n");
    expect(await session.wait()).toMatchObject({ exitCode: 5 });
    const again = await vm.sessions.get(session.id);
    const seen = [];
    for await (const event of again.attach()) seen.push(event);
    expect(seen.map(({ type }) => type)).toEqual(["stdout", "exit"]);
    expect(Buffer.from((seen[0] as { data: Uint8Array }).data).toString()).toBe("got hello\n");
    expect((await vm.sessions.list()).map(({ id }) => id)).toContain(session.id);
    await session.delete();
    await expect(session.info()).rejects.toMatchObject({ code: "session_not_found" });
  });

  test("pauses, resumes, saves, restores and forks", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    await vm.pause();
    expect(await vm.info()).toMatchObject({ state: "paused" });
    await vm.resume();
    const snapshot = await vm.snapshot({ name: "base", metadata: { aB: 1 } });
    expect(snapshot).toMatchObject({ name: "base", vmId: vm.id, metadata: { aB: 1 } });
    expect((await w.bs.snapshots.inspect("base")).id).toBe(snapshot.id);
    const clone = await w.bs.snapshots.restore("base");
    expect(await clone.info()).toMatchObject({ state: "running", snapshotId: snapshot.id });
    const [child] = await vm.fork({ count: 1 });
    expect(child && "vm" in child && (await child.vm.info()).state).toBe("running");
    await w.bs.snapshots.rename("base", "other");
    expect((await w.bs.snapshots.list()).map(({ name }) => name)).toEqual(["other"]);
    await expect(w.bs.snapshots.delete("other")).rejects.toMatchObject({ code: "snapshot_in_use" });
    await w.bs.snapshots.delete("other", { force: true });
  });

  test("tells what happened", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const types = [];
    for await (const { type, vmId } of w.bs.events({ follow: false })) types.push([type, vmId]);
    expect(types).toContainEqual(["vm.created", vm.id]);
  });

  test("refuses what is wrong in the same words", async () => {
    await using w = await open();
    await expect(w.bs.createVm("alpine", { memMib: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(w.bs.getVm("nobody")).rejects.toMatchObject({ code: "vm_not_found" });
  });
});

test("what only the storage's own machine can do says so", async () => {
  await using w = await WAYS.remote();
  await expect(w.bs.openVmDisks("x")).rejects.toMatchObject({ code: "not_available_remotely" });
  await expect(w.bs.images.import("tar:x", "y")).rejects.toMatchObject({ code: "not_available_remotely" });
});

test("a server that is not there, or a key that is void, is told apart", async () => {
  await using w = await WAYS.remote();
  const nobody = new BandSox("http://127.0.0.1:9");
  await expect(nobody.listVms()).rejects.toMatchObject({ code: "server_unreachable", retryable: true });
  const stranger = new BandSox(w.url, { apiKey: "bsx_no" });
  await expect(stranger.listVms()).rejects.toMatchObject({ code: "unauthorized" });
});
