import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRegistry } from "./support/registry.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

/** A memory of 128 MiB, a kernel and a base disk, of which little is not zero */
const ARCHIVE_MAX_BYTES = 100 * 1024 ** 2;

let here: World;
let there: World;
let file: string;

/** Says a number that a shell keeps in its memory. */
async function said(vm: Vm): Promise<string> {
  const [only] = await vm.sessions.list();
  const session = await vm.sessions.get(only?.id ?? "");
  await session.write("echo said:$N:$(cat /on-disk)\n");
  let text = "";
  for await (const event of session.attach()) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
    if (text.includes("said:") && text.endsWith("\n")) return text.trim().split("\n").at(-1) ?? "";
  }
  throw new Error("the session ended");
}

beforeAll(async () => {
  here = await openWorld();
  there = await openWorld();
  const vm = await here.bandsox.createVm(`dir:${await busyboxRoot(here.dir)}`, { memMib: 128 });
  const session = await vm.sessions.start(["sh"], { stdin: true });
  await session.write("N=42; echo 43 > /on-disk\n");
  expect(await said(vm)).toBe("said:42:43");
  await vm.snapshot({ name: "ready" });
  await vm.delete();
  file = join(here.dir, "ready.bandsox");
  expect(await here.cli("snapshot", "export", "ready", file)).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await there[Symbol.asyncDispose]();
  await here[Symbol.asyncDispose]();
});

test("a snapshot in a file goes on in a storage that never saw its VM nor its image", async () => {
  expect(statSync(file).size).toBeLessThan(ARCHIVE_MAX_BYTES);
  const imported = await there.cli("snapshot", "import", file);
  expect(imported).toMatchObject({ code: 0 });
  const vm = await there.bandsox.snapshots.restore("ready");
  expect(await said(vm)).toBe("said:42:43");
  // It has all it stands on: the disk it mounts when it starts again, and the kernel of this storage.
  await vm.stop();
  await vm.start();
  expect((await vm.exec("cat /on-disk")).stdout).toBe("43\n");
  await there.bandsox.images.prune({ all: true });
  await vm.delete();
  const again = await there.bandsox.snapshots.restore("ready");
  expect(await said(again)).toBe("said:42:43");
  await again.delete();
});

test("a file that was changed, cut short, or is something else is refused and leaves nothing", async () => {
  const body = readFileSync(file);
  const middle = Buffer.from(body);
  middle[body.length >> 1] = (middle[body.length >> 1] ?? 0) ^ 0xff;
  for (const broken of [middle, body.subarray(0, body.length - 100), Buffer.from("no archive")]) {
    const path = join(there.dir, "broken");
    writeFileSync(path, broken);
    await expect(there.bandsox.snapshots.import(path)).rejects.toMatchObject({ code: "snapshot_invalid" });
  }
  expect((await there.bandsox.snapshots.list()).map(({ name }) => name)).toEqual(["ready"]);
});

test("a snapshot goes through a registry, which keeps what snapshots share once", async () => {
  await using registry = await startRegistry(here.dir);
  const reference = `${registry.host}/team/ready:1`;
  const pushed = await here.cli("snapshot", "push", "ready", reference);
  expect(pushed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
  const digest = pushed.stdout.trim();
  expect((await here.cli("snapshot", "push", "ready", reference)).stdout.trim()).toBe(digest);
  await there.bandsox.snapshots.delete("ready");
  const pulled = await there.cli("snapshot", "pull", `${registry.host}/team/ready@${digest}`);
  expect(pulled).toMatchObject({ code: 0 });
  const vm = await there.bandsox.snapshots.restore(pulled.stdout.trim());
  expect(await said(vm)).toBe("said:42:43");
  await vm.delete();
  const manifest = await fetch(`http://${registry.host}/v2/team/ready/manifests/1`, {
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  }).then((answer) => answer.json() as Promise<{ layers: { digest: string }[] }>);
  const hex = manifest.layers[2]?.digest.replace("sha256:", "") ?? "";
  const blob = join(here.dir, "registry/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  writeFileSync(blob, Buffer.alloc(statSync(blob).size));
  await expect(there.bandsox.snapshots.pull(reference, { name: "tampered" })).rejects.toMatchObject({
    code: expect.stringMatching(/^(snapshot_invalid|image_digest_mismatch)$/),
  });
  await expect(there.bandsox.snapshots.pull(`${registry.host}/team/none:1`)).rejects.toMatchObject({
    code: "image_not_found",
  });
  rmSync(blob);
});
