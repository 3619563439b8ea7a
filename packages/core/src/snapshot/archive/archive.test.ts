import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { createVm } from "../../vm/create-vm.ts";
import { Vm } from "../../vm/vm.ts";
import { Snapshots } from "../snapshots.ts";
import { parseArchived } from "./archived-snapshot.ts";

async function storage() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(join(path, "storage"), engine));
  const create = async () => {
    const spec = { image: "alpine", vcpu: 1, memMib: 128, diskSizeMib: 64, networking: false } as const;
    const more = { boot: "golden", env: { A: "1" }, metadata: { of: "the VM" } } as const;
    return new Vm(ports, (await createVm(ports, { ...spec, ...more })).id);
  };
  const left = () =>
    [ports.paths.stagingDir, ports.paths.snapshotsDir].map((dir) =>
      existsSync(dir) ? readdirSync(dir) : [],
    );
  return {
    ...{ path, ports, create, left, snapshots: new Snapshots(ports) },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a snapshot goes from one storage to another, and VMs go on from it there", async () => {
  await using here = await storage();
  await using there = await storage();
  const taken = await (await here.create()).snapshot({ name: "ready", metadata: { of: "the snapshot" } });
  const file = join(here.path, "ready.bandsox");
  await here.snapshots.export("ready", file);
  const arrived = await there.snapshots.import(file);
  const { id: _one, clones: _none, sizeBytes: _size, ...same } = taken;
  expect(arrived).toMatchObject(same);
  expect(arrived.id).not.toBe(taken.id);
  const vm = await there.snapshots.restore("ready");
  expect(await vm.info()).toMatchObject({
    env: { A: "1" },
    metadata: { of: "the VM" },
    snapshotId: arrived.id,
  });
  expect(there.left()).toEqual([[], [arrived.id]]);
  expect(here.left()[0]).toEqual([]);
  const again = await there.snapshots.import(file);
  expect(again.name).toBe(again.id);
  await expect(there.snapshots.import(file, { name: "ready" })).rejects.toMatchObject({
    code: "snapshot_name_taken",
  });
  await expect(here.snapshots.export("ready", file)).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a snapshot that was given no name goes, too, and is named as it is where it arrives", async () => {
  await using here = await storage();
  await using there = await storage();
  const { id } = await (await here.create()).snapshot();
  const file = join(here.path, "unnamed.bandsox");
  await here.snapshots.export(id, file);
  const arrived = await there.snapshots.import(file);
  expect(arrived.name).toBe(arrived.id);
  expect((await there.snapshots.import(file, { name: "named" })).name).toBe("named");
});

test("a snapshot goes as bytes, and nothing is left when they are read, left or never asked for", async () => {
  await using here = await storage();
  await using there = await storage();
  await (await here.create()).snapshot({ name: "ready" });
  const arrived = await there.snapshots.importStream(here.snapshots.exportStream("ready"), { name: "came" });
  expect(arrived.name).toBe("came");
  for await (const _ of here.snapshots.exportStream("ready")) {
    expect(here.left()[0]).toEqual([]); // it has no name any more, also for a process that dies now
    break;
  }
  const none = here.snapshots.exportStream("none");
  await expect(none.next()).rejects.toMatchObject({ code: "snapshot_not_found" });
  const stopped = there.snapshots.importStream(cutShort(here.snapshots.exportStream("ready")));
  await expect(stopped).rejects.toThrow("cut short");
  expect([here.left()[0], there.left()]).toEqual([[], [[], [arrived.id]]]);
});

async function* cutShort(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* bytes;
  throw new Error("cut short");
}

test("an archive that lacks a file, or says what cannot be, leaves nothing behind", async () => {
  await using w = await storage();
  await (await w.create()).snapshot({ name: "ready" });
  const file = join(w.path, "archive");
  const broken = async (change: (about: string) => string | undefined, name = "snapshot.json") => {
    rmSync(file, { force: true });
    await w.snapshots.export("ready", file);
    const archive = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...archive, [name]: change(archive[name]) }));
    await expect(w.snapshots.import(file)).rejects.toMatchObject({ code: "snapshot_invalid" });
  };
  await broken(() => undefined, "state");
  await broken(() => "{");
  await broken((text) => text.replace('"ready"', '"../../ready"'));
  await broken((text) => text.replace(/sha256:0+/, "sha256:../../../../etc"));
  await broken((text) => text.replace('"memMib": 128', '"memMib": 256'));
  expect(w.left()[0]).toEqual([]);
  expect(await w.snapshots.list()).toHaveLength(1);
});

test("no path of an archive is believed", () => {
  const text = (vmlinuxPath: string) =>
    JSON.stringify({
      ...{ format: 1, name: "n", metadata: {} },
      manifest: {
        ...{ format: 1, id: "snap_000000000000", vmId: "vm_000000000000", vmName: "n", engine: "qemu" },
        ...{ shape: "s", imageDigest: `sha256:${"0".repeat(64)}`, imageConfig: {}, pausedMs: 1 },
        ...{ spec: { image: "alpine" }, sizeBytes: 1, createdAt: "now" },
        bootFiles: { vmlinuxPath, initramfsPath: "/elsewhere/kernel/abc/initramfs-1.cpio" },
      },
    });
  const world = { paths: { kernelDir: "/storage/kernel" } as never, reference: "r" };
  expect(parseArchived(text("/elsewhere/kernel/abc/vmlinux"), world).manifest.bootFiles).toEqual({
    vmlinuxPath: "/storage/kernel/abc/vmlinux",
    initramfsPath: "/storage/kernel/abc/initramfs-1.cpio",
  });
  for (const path of ["/kernel/../vmlinux", "/kernel/abc/..", "vmlinux", "/a/b c/vmlinux", "/a/b/.hidden"])
    expect(() => parseArchived(text(path), world)).toThrow(/names that no kernel/);
});

test("a snapshot goes through a registry", async () => {
  await using w = await storage();
  await (await w.create()).snapshot({ name: "ready" });
  const { digest } = await w.snapshots.push("ready", "registry.test/ready:1");
  expect(digest).toMatch(/^sha256:/);
  const { id } = await w.snapshots.pull("registry.test/ready:1", { name: "again" });
  expect(await w.snapshots.inspect("again")).toMatchObject({ id, vmName: expect.any(String) });
  await expect(w.snapshots.pull("registry.test/other:1")).rejects.toMatchObject({ code: "image_not_found" });
  expect(w.left()[0]).toEqual([]);
});
