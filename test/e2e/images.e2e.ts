import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, statSync, watch } from "node:fs";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageInfo } from "bandsox";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildOciLayout } from "./support/oci-layout.ts";
import { startRegistry } from "./support/registry.ts";
import { type RegistryProxy, startProxy } from "./support/registry-proxy.ts";
import { busyboxRoot, finish, openWorld, type World } from "./support/world.ts";

const BIG_BYTES = 8_000_000;
/** `alice:secret`, bcrypt with the smallest cost. */
const HTPASSWD = "alice:$2b$04$TzMLtQwZAcBp8H62H/xb4ew42yl3caUMd50zxAMUgKsyTAoDZ02NK\n";

let world: World;
let registry: Awaited<ReturnType<typeof startRegistry>>;
let proxy: RegistryProxy;
let layout: string;

beforeAll(async () => {
  world = await openWorld();
  registry = await startRegistry(world.dir);
  proxy = await startProxy(registry.host);
  const root = await busyboxRoot(world.dir);
  await writeFile(join(root, "big"), randomBytes(BIG_BYTES)); // that no compression makes small
  layout = await buildOciLayout(world.dir, root, { cmd: ["sh", "-c", "echo from the image"] });
  await execa("umoci", ["tag", "--image", `${layout}:latest`, "second"]);
  await execa("umoci", ["config", "--image", `${layout}:second`, "--config.cmd", "true"]);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function push(
  tag: string,
  name: string,
  to = registry.host,
  more: readonly string[] = [],
): Promise<string> {
  const image = `${to}/${name}`;
  await execa("skopeo", ["copy", "--quiet", ...more, `oci:${layout}:${tag}`, `docker://${image}`]);
  return name;
}
const PLAIN = ["--dest-tls-verify=false"];

const list = async () => JSON.parse((await world.cli("image", "list", "--json")).stdout) as ImageInfo[];
const blobsInStore = () => readdirSync(join(world.storage, "images/blobs/sha256"));

test("what two images share is told once, and removing one leaves the other whole", async () => {
  await world.cli("image", "import", `oci:${layout}:latest`, "first:1");
  await world.cli("image", "import", `oci:${layout}:second`, "second:1");
  const images = await list();
  expect(images.flatMap(({ references }) => references).sort()).toEqual([
    "docker.io/library/first:1",
    "docker.io/library/second:1",
  ]);
  for (const image of images) {
    expect(image).toMatchObject({ platform: "linux/amd64", diskBytes: 0, usedBy: [] });
    expect(image.sharedBytes).toBeGreaterThan(BIG_BYTES);
    expect(image.sizeBytes).toBeGreaterThan(image.sharedBytes);
  }
  const { blobBytes } = await world.bandsox.images.usage();
  expect(blobBytes).toBeLessThan(1.5 * BIG_BYTES);
  const history = await world.cli("image", "history", "second:1");
  expect(history.stdout).toContain("umoci");
  const [details] = JSON.parse((await world.cli("image", "inspect", "first:1")).stdout);
  expect(details).toMatchObject({ config: { cmd: ["sh", "-c", "echo from the image"] }, layers: [{}] });

  const removed = await world.cli("image", "remove", "second:1");
  expect(removed).toMatchObject({ code: 0, stdout: "docker.io/library/second:1\n" });
  expect(blobsInStore()).toHaveLength(3);
  expect(await world.cli("run", "--mem", "128", "first:1")).toMatchObject({
    code: 0,
    stdout: "from the image\n",
  });
});

test("an image a VM was made from is neither removed nor pruned, and goes once the VM is gone", async () => {
  const vm = await world.bandsox.createVm("first:1", { memMib: 128 });
  const refused = await world.cli("image", "remove", "first:1");
  expect(refused).toMatchObject({ code: 125, stderr: expect.stringContaining(vm.id) });
  expect(await world.cli("image", "prune", "--all", "--yes")).toMatchObject({ code: 0, stdout: "" });
  expect(await vm.exec("head -c 3 /bin/busybox | wc -c")).toMatchObject({ exitCode: 0 });
  await vm.delete();
  const pruned = await world.cli("image", "prune", "--all", "--yes");
  expect(pruned.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(await list()).toEqual([]);
  expect(blobsInStore()).toEqual([]);
  expect(readdirSync(join(world.storage, "bases"))).toEqual([]);
});

test("a ready-made disk is a base disk", async () => {
  const disk = join(world.dir, "own.ext4");
  const root = join(world.dir, "own-root");
  await mkdir(root);
  await copyFile("/bin/busybox", join(root, "busybox"));
  await execa("/usr/sbin/mke2fs", ["-q", "-t", "ext4", "-d", root, disk, "16M"]);
  const args = ["--mem", "128", "--entrypoint", "/busybox", `ext4:${disk}`, "--", "echo", "own"];
  expect(await world.cli("run", ...args)).toMatchObject({ code: 0, stdout: "own\n" });
  const [image] = await list();
  expect(image).toMatchObject({ references: [`ext4:${disk}`], sizeBytes: 0 });
  await writeFile(join(world.dir, "no.ext4"), "no disk at all".repeat(1000));
  const refused = await world.cli("run", `ext4:${join(world.dir, "no.ext4")}`);
  expect(refused).toMatchObject({ code: 125, stderr: expect.stringContaining("no ext4 file system") });
});

test("two processes that want the same image fetch it once", async () => {
  const name = await push("latest", "shared:1", registry.host, PLAIN);
  const before = proxy.blobs.length;
  const pull = () => finish(world.start("create", "--mem", "128", "-q", `${proxy.host}/${name}`));
  const results = await Promise.all([pull(), pull()]);
  for (const result of results) expect(result).toMatchObject({ code: 0 });
  expect(proxy.blobs.slice(before).filter((line) => line.startsWith("GET"))).toHaveLength(2); // config and layer
  for (const { stdout } of results) await (await world.bandsox.getVm(stdout.trim())).delete();
});

test("a pull that was killed half way is taken up where it stopped", async () => {
  await world.cli("image", "prune", "--all", "--yes");
  const name = await push("latest", "killed:1", registry.host, PLAIN);
  const partial = join(world.storage, "images/partial");
  proxy.stallAbove(BIG_BYTES / 2);
  const child = world.start("image", "pull", `${proxy.host}/${name}`);
  await grown(partial, BIG_BYTES / 3);
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await once(child, "close");
  proxy.stallAbove(undefined);
  const before = proxy.blobs.length;
  expect(await world.cli("image", "pull", `${proxy.host}/${name}`)).toMatchObject({ code: 0 });
  expect(proxy.blobs.slice(before).join("\n")).toMatch(/bytes=[1-9][0-9]{6,}-/);
  expect(readdirSync(partial)).toEqual([]);
});

test("a registry with a password and a private authority", async () => {
  const dir = join(world.dir, "secure");
  await mkdir(dir);
  const [key, certificate] = [join(dir, "key.pem"), join(dir, "ca.pem")];
  const subject = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"];
  await execa("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    key,
    "-out",
    certificate,
    ...subject,
  ]);
  const htpasswd = join(dir, "htpasswd");
  await writeFile(htpasswd, HTPASSWD);
  await using secure = await startRegistry(dir, { tls: { key, certificate }, htpasswd });
  await push("latest", "private:1", secure.host, [...PLAIN, "--dest-creds", "alice:secret"]);
  const reference = `${secure.host}/private:1`;

  const untrusted = await world.cli("image", "pull", reference);
  expect(untrusted).toMatchObject({ code: 125, stderr: expect.stringMatching(/certificate/) });
  const settings = { registries: { [secure.host]: { ca: certificate } } };
  await writeFile(join(world.storage, "registries.json"), JSON.stringify(settings));
  const anonymous = await world.cli("image", "pull", reference);
  expect(anonymous.stderr).toMatch(/refused repository:private:pull with 401.*anonymously/s);
  const wrong = await world.cli("image", "pull", "--creds", "alice:guess", reference);
  expect(wrong.stderr).toContain("with the credentials given for this call");
  expect(wrong.stderr).not.toContain("guess");
  const pulled = await world.cli("image", "pull", "--creds", "alice:secret", reference);
  expect(pulled).toMatchObject({ code: 0, stdout: expect.stringContaining(`${reference} is `) });
  await rm(join(world.storage, "registries.json"));
});

test("an archive that was replaced is another image", async () => {
  const archive = join(world.dir, "image.tar");
  const save = async (tag: string) => {
    await rm(`${archive}.new`, { force: true });
    await execa("skopeo", ["copy", "--quiet", `oci:${layout}:${tag}`, `docker-archive:${archive}.new:app:1`]);
    await rename(`${archive}.new`, archive);
  };
  await save("latest");
  const digest = async () =>
    (await world.bandsox.images.import(`docker-archive:${archive}`, "archived")).digest;
  const first = await digest();
  expect(await digest()).toBe(first);
  await save("second");
  expect(await digest()).not.toBe(first);
});

/** Resolves once a file in a directory has that size. */
async function grown(dir: string, sizeBytes: number): Promise<void> {
  const isGrown = () =>
    existsSync(dir) && readdirSync(dir).some((name) => statSync(join(dir, name)).size >= sizeBytes);
  await mkdir(dir, { recursive: true });
  const watcher = watch(dir);
  try {
    while (!isGrown()) await once(watcher, "change");
  } finally {
    watcher.close();
  }
}
