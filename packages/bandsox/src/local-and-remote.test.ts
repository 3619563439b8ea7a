import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
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

/** A service of the "guest", which is this host. */
async function service(onConnection: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

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
    await using dir = await temporaryDirectory();
    const mark = join(dir.path, "ended");
    for await (const event of vm.execStream(
      `trap 'touch ${mark}' TERM; echo begun; sleep 30; touch ${mark}`,
    )) {
      expect(event.type).toBe("stdout");
      break;
    }
    await expect(readFile(mark)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.skipIf(!existsSync("/usr/bin/python3"))("a Python program is heard while it runs", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    await using dir = await temporaryDirectory();
    const go = join(dir.path, "go");
    const wait = `while not os.path.exists(${JSON.stringify(go)}): time.sleep(0.01)`;
    const code = `import os, time\nprint("one", flush=True)\n${wait}\nprint("two")\nraise SystemExit(3)`;
    const events: string[] = [];
    for await (const event of vm.execPythonStream(code, { timeoutMs: 30_000 })) {
      events.push(event.type === "exit" ? `exit ${event.exitCode}` : Buffer.from(event.data).toString());
      await writeFile(go, ""); // it goes on only once it has been heard
    }
    expect(events.join("")).toBe("one\ntwo\nexit 3");
    const heard: string[] = [];
    const onStdout = (data: Uint8Array) => heard.push(Buffer.from(data).toString());
    const result = await vm.execPythonCapture("print(1)\n1/0", { onStdout });
    expect(result).toMatchObject({ exitCode: 1, success: false, stdout: "1\n" });
    expect([heard.join(""), result.error]).toEqual(["1\n", expect.stringContaining("ZeroDivisionError")]);
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
    const differing = await vm.snapshot({ diff: true });
    expect([snapshot.kind, differing.kind]).toEqual(["whole", "difference"]);
    await w.bs.snapshots.delete(differing.id);
    const clone = await w.bs.snapshots.restore("base");
    expect(await clone.info()).toMatchObject({ state: "running", snapshotId: snapshot.id });
    const [child] = await vm.fork({ count: 1 });
    expect(child && "vm" in child && (await child.vm.info()).state).toBe("running");
    await w.bs.snapshots.rename("base", "other");
    expect((await w.bs.snapshots.list()).map(({ name }) => name)).toEqual(["other"]);
    await expect(w.bs.snapshots.delete("other")).rejects.toMatchObject({ code: "snapshot_in_use" });
    await w.bs.snapshots.delete("other", { force: true });
  });

  test("restores and forks what differs from the one that was saved, as it is asked to", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine", { timeoutMs: 900_000, env: { A: "1" }, metadata: { of: "it" } });
    await vm.snapshot({ name: "base" });
    const changes = { env: { B: "2" }, timeoutMs: null, idleTimeoutMs: 60_000, onIdle: "stop" } as const;
    const restored = await w.bs.snapshots.restore("base", changes);
    const [child] = await vm.fork({ ...changes, count: 1 });
    for (const one of [restored, child && "vm" in child ? child.vm : vm]) {
      const info = await one.info();
      expect(info).toMatchObject({ env: { B: "2" }, metadata: { of: "it" }, idleTimeoutMs: 60_000 });
      expect(info).toMatchObject({ onIdle: "stop" });
      expect(info).not.toHaveProperty("timeoutMs");
    }
    const networked = w.bs.snapshots.restore("base", { networking: { egress: "public" } });
    await expect(networked).rejects.toMatchObject({ code: "networking_unavailable" });
    expect(await w.bs.snapshots.restore("base", { networking: false })).toBeDefined();
  });

  test("tells what happened", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const types = [];
    for await (const { type, vmId } of w.bs.events({ follow: false })) types.push([type, vmId]);
    expect(types).toContainEqual(["vm.created", vm.id]);
  });

  test("goes on telling what happens, of one VM and of some types", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    await w.bs.createVm("alpine");
    const leaving = new AbortController();
    const types = ["vm.created", "vm.paused"] as const;
    const told = w.bs.events({ vm: vm.id, types: [...types], signal: leaving.signal });
    expect((await told.next()).value).toMatchObject({ type: "vm.created", vmId: vm.id });
    await vm.pause();
    expect((await told.next()).value).toMatchObject({ type: "vm.paused", vmId: vm.id });
    leaving.abort();
    await told.return();
    expect(await w.bs.pruneEvents({ keep: 1 })).toBeGreaterThan(0);
    await expect(w.bs.events({ types: ["nothing" as never] }).next()).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("changes metadata key by key", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine", { metadata: { a: 1, someKey: { inA: 1 } } });
    expect(await vm.updateMetadata({ a: null, newKey: [1] })).toMatchObject({
      metadata: { someKey: { inA: 1 }, newKey: [1] },
    });
    expect((await vm.info()).metadata).not.toHaveProperty("a");
  });

  test("limits a VM's life from its creation, and differently later", async () => {
    await using w = await open();
    const limits = {
      timeoutMs: 3_600_000,
      onTimeout: "delete",
      idleTimeoutMs: 60_000,
      onIdle: "stop",
    } as const;
    const vm = await w.bs.createVm("alpine", { ...limits, idleCpuPercent: 20 });
    expect(await vm.info()).toMatchObject({
      ...{ expiresAt: expect.any(String), onTimeout: "delete" },
      ...{ idleTimeoutMs: 60_000, onIdle: "stop" },
    });
    expect(await vm.setLimits({ timeoutMs: null, idleTimeoutMs: 120_000 })).toMatchObject({
      idleTimeoutMs: 120_000,
    });
    expect(await vm.info()).not.toHaveProperty("expiresAt");
    await expect(w.bs.createVm("alpine", { timeoutMs: 1 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await expect(w.bs.createVm("alpine", { diskIops: -5 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("takes memory back, and tells what the VMM has counted", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    await vm.reclaimMemory(64);
    expect((await vm.stats()).vmm).toMatchObject({
      disk: { throttled: 4 },
      reclaimed: { targetMib: 64, actualMib: 64 },
    });
    await expect(vm.reclaimMemory(100_000)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("keeps VMs ready in pools", async () => {
    await using w = await open();
    const pool = await w.bs.pools.set({ image: "alpine", size: 1 });
    expect(pool).toMatchObject({ image: "alpine", size: 1, ready: 1, memMib: 256 });
    await w.bs.createVm("alpine");
    expect(await w.bs.pools.fill("alpine")).toMatchObject([{ id: pool.id, hits: 1, ready: 1 }]);
    expect(await w.bs.pools.list()).toMatchObject([{ id: pool.id, hits: 1 }]);
    await w.bs.pools.remove(pool.id);
    expect(await w.bs.pools.list()).toEqual([]);
    await expect(w.bs.pools.remove("alpine")).rejects.toMatchObject({ code: "pool_not_found" });
    await expect(w.bs.pools.set({ image: "alpine", size: -1 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("says what would be settled, and settles it", async () => {
    await using w = await open();
    const report = { dryRun: true, counts: { stray: 1 }, removed: [], left: [{ kind: "stray" }] };
    await mkdir(join(w.storageDir, "vms", "lost"), { recursive: true });
    expect(await w.bs.cleanup({ dryRun: true })).toMatchObject(report);
    expect(await w.bs.cleanup({ strays: true })).toMatchObject({
      dryRun: false,
      counts: { stray: 1 },
      left: [],
    });
    expect(await w.bs.cleanup()).toMatchObject({ counts: {}, removed: [], left: [] });
  });

  test("exports a snapshot into a file and imports it, and pushes and pulls it", async () => {
    await using w = await open();
    await using directory = await temporaryDirectory();
    const vm = await w.bs.createVm("alpine", { memMib: 128 });
    const { id } = await vm.snapshot({ name: "base", metadata: { aB: 1 } });
    const file = join(directory.path, "base.bsx");
    await w.bs.snapshots.export("base", file);
    await expect(w.bs.snapshots.export("base", file)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(await readdir(directory.path)).toEqual(["base.bsx"]);
    const taken = await w.bs.snapshots.import(file, { name: "again" });
    expect(taken).toMatchObject({ name: "again", vmId: vm.id, metadata: { aB: 1 }, memMib: 128 });
    expect(taken.id).not.toBe(id);
    await expect(w.bs.snapshots.import(file, { name: "again" })).rejects.toMatchObject({
      code: "snapshot_name_taken",
    });
    expect(await w.bs.snapshots.push("base", "registry.example/a:1")).toEqual({
      digest: expect.stringMatching(/^sha256:/),
    });
    expect(await w.bs.snapshots.pull("registry.example/a:1", { name: "far" })).toMatchObject({ name: "far" });
    await expect(w.bs.snapshots.pull("registry.example/b:1")).rejects.toMatchObject({
      code: "image_not_found",
    });
    await expect(w.bs.snapshots.export("none", join(directory.path, "x"))).rejects.toMatchObject({
      code: "snapshot_not_found",
    });
    expect(await readdir(directory.path)).toEqual(["base.bsx"]);
    expect(await w.bs.snapshots.inspect("far")).toMatchObject({
      sizes: { memory: expect.any(Number) },
      children: [],
    });
  });

  test("connects to what listens in the guest, and ends each direction by itself", async () => {
    await using w = await open();
    await using s = await service((socket) => void buffer(socket).then((bytes) => socket.end(bytes)));
    const vm = await w.bs.createVm("alpine");
    const sent = Buffer.alloc(3_000_000, "abc");
    const stream = await vm.connect(s.port, { allowHalfOpen: true });
    stream.end(sent);
    expect((await buffer(stream)).equals(sent)).toBe(true);
    await expect(vm.connect(0)).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(vm.connect(80, { host: "example.com" })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("a connection nobody answers is refused, and one that is left is gone", async () => {
    await using w = await open();
    const closed = Promise.withResolvers<void>();
    const s = await service((socket) => {
      socket.on("error", () => {}).on("close", () => closed.resolve());
      socket.on("end", () => socket.end()).resume();
    });
    const vm = await w.bs.createVm("alpine");
    const leaving = new AbortController();
    const stream = await vm.connect(s.port, { signal: leaving.signal });
    stream.on("error", () => {});
    leaving.abort();
    await closed.promise;
    await s[Symbol.asyncDispose]();
    await expect(vm.connect(s.port)).rejects.toMatchObject({
      code: "connect_failed",
      details: { vmId: vm.id },
    });
  });

  test("a port of this machine leads to one in the guest", async () => {
    await using w = await open();
    await using s = await service((socket) => void buffer(socket).then((bytes) => socket.end(bytes)));
    const vm = await w.bs.createVm("alpine");
    await using forwarded = await vm.forwardPort({ guest: s.port });
    const answers = ["one", "two"].map(async (word) => {
      const socket = connect({ port: forwarded.port, host: forwarded.address, allowHalfOpen: true });
      socket.end(word);
      return text(socket);
    });
    expect(await Promise.all(answers)).toEqual(["one", "two"]);
    await vm.stop();
    await expect(vm.forwardPort({ guest: s.port })).rejects.toMatchObject({ code: "vm_wrong_state" });
  });

  test("tells what a VM's network decided, and refuses a policy where there is none", async () => {
    await using w = await open();
    const vm = await w.bs.createVm("alpine");
    const decision = {
      ...{ at: "2026-01-01T00:00:00.000Z", verdict: "deny", rule: "this host", kind: "connection" },
      ...{ protocol: "tcp", address: "192.0.2.2", port: 22 },
    };
    const log = join(w.storageDir, "vms", vm.id, "network.log");
    await writeFile(log, `${JSON.stringify(decision)}\nnot ours\n`);
    expect(await vm.network.decisions()).toEqual([decision]);
    const leaving = new AbortController();
    const watched = [];
    for await (const one of vm.network.watch({ signal: leaving.signal })) {
      watched.push(one);
      leaving.abort();
    }
    expect(watched).toEqual([decision]);
    await expect(vm.network.setEgress("none")).rejects.toMatchObject({ code: "network_missing" });
    const missing = w.bs.createVm("alpine", { networking: { egress: "none", bandwidth: { downMbit: 1 } } });
    await expect(missing).rejects.toMatchObject({ code: "networking_unavailable" });
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
