import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { type OfflineEntry, OfflineFiles } from "./offline-files.ts";

/** Two disks, and what the kernel's overlayfs makes of what they were made from. */
interface Merged extends AsyncDisposable {
  readonly files: OfflineFiles;
  /** Where the kernel shows the merged tree */
  readonly dir: string;
}

/** Fills a base, then changes it through an overlay as a guest would, and makes disks of both. */
async function mergedTree(base: string, changes: string): Promise<Merged> {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  for (const name of ["base", "layer/upper", "layer/work", "merged"])
    mkdirSync(join(path, name), { recursive: true });
  const script = (dir: string, text: string) => execa("sh", ["-euc", text], { cwd: join(path, dir) });
  // Overlayfs stacks on a file system of its own, since the test may run on one already.
  await execa("mount", ["-t", "tmpfs", "tmpfs", path]);
  stack.defer(() => void spawnSync("umount", ["--lazy", path]));
  for (const name of ["base", "layer/upper", "layer/work", "merged"])
    mkdirSync(join(path, name), { recursive: true });
  await script("base", base);
  const dirs = `lowerdir=${path}/base,upperdir=${path}/layer/upper,workdir=${path}/layer/work`;
  await execa("mount", ["-t", "overlay", "overlay", "-o", dirs, join(path, "merged")]);
  stack.defer(() => void spawnSync("umount", ["--lazy", join(path, "merged")]));
  await script("merged", changes);
  for (const name of ["base", "layer"])
    await execa("/usr/sbin/mke2fs", [
      "-q",
      "-t",
      "ext4",
      "-d",
      join(path, name),
      join(path, `${name}.ext4`),
      "32M",
    ]);
  return {
    files: new OfflineFiles({ base: join(path, "base.ext4"), layer: join(path, "layer.ext4") }),
    dir: join(path, "merged"),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function cannotMount(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  const tried = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return tried.status === 0 ? undefined : "mounts are not allowed here";
}
const reason = cannotMount();
if (reason) process.stderr.write(`offline files are not compared with the kernel's overlay: ${reason}\n`);

const BASE = `
  mkdir -p etc d/sub opaque gone rep; echo base > etc/conf; echo keep > etc/keep; chmod 640 etc/keep
  chown 12:34 etc/keep; echo one > d/one; echo two > d/sub/two; echo hidden > opaque/hidden; echo x > gone/x
  echo file > file-to-dir; echo inner > rep/inner; ln -s etc/conf link; ln -s /etc absolute; ln -s loop loop
  ln -s "$(printf 'long/%.0s' $(seq 30))" longlink; mkfifo pipe; mknod null c 1 3
  head -c 300000 /dev/urandom > big; truncate -s 5M sparse; printf tail >> sparse`;
const CHANGES = `
  echo layer > etc/conf; rm d/one; rm -r gone; rm -r opaque; mkdir opaque; echo new > opaque/new
  rm file-to-dir; mkdir file-to-dir; echo in > file-to-dir/in; rm -r rep; echo file > rep
  mkdir -p d/sub/deep; echo 3 > d/sub/deep/three; printf 'x' > 'odd
name'; printf y > 'sp ace"q\\'; touch -d @1234567890.5 d/sub/two; chmod 600 null`;

test.skipIf(reason)("a layer over a base reads as the kernel's overlay of both", async () => {
  await using merged = await mergedTree(BASE, CHANGES);
  const expected = kernelTree(merged.dir, "/");
  expect(expected.length).toBeGreaterThan(20);
  expect(await ourTree(merged.files, "/")).toEqual(expected);
});

test.skipIf(reason)("paths follow links inside the tree, and nowhere else", async () => {
  await using merged = await mergedTree(BASE, CHANGES);
  const { files } = merged;
  const text = async (path: string) => (await files.read(path)).toString();
  expect(await text("/link")).toBe("layer\n");
  expect(await text("/absolute/../absolute/keep")).toBe("keep\n");
  expect(await text("/../../../etc/conf")).toBe("layer\n");
  expect(await files.stat("/link")).toMatchObject({ type: "symlink", target: "etc/conf" });
  for (const [path, code] of [
    ["/loop", "path_invalid"],
    ["relative", "path_invalid"],
    ["/a\0b", "path_invalid"],
    ["/nothing", "file_not_found"],
    ["/gone/x", "file_not_found"],
    ["/opaque/hidden", "file_not_found"],
    ["/d", "is_directory"],
    ["/pipe", "path_invalid"],
    ["/big/x", "not_directory"],
  ] as const)
    await expect(files.read(path), path).rejects.toMatchObject({ code });
  await expect(files.list("/big")).rejects.toMatchObject({ code: "not_directory" });
  await expect(files.read("/big", { maxBytes: 1000 })).rejects.toMatchObject({ code: "file_too_large" });
});

test("what is no file system is told, and nothing hangs", async () => {
  await using directory = await temporaryDirectory();
  const base = `${directory.path}/noise`;
  writeFileSync(base, Buffer.alloc(100_000, "noise"));
  await expect(new OfflineFiles({ base }).list("/")).rejects.toMatchObject({ code: "tool_failed" });
});

type Seen = Omit<OfflineEntry, "mtimeMs"> & {
  readonly seconds: number;
  readonly content?: string | undefined;
};

async function ourTree(files: OfflineFiles, path: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const { mtimeMs, ...entry } of await files.list(path)) {
    const content = entry.type === "file" ? (await files.read(entry.path)).toString("base64") : undefined;
    seen.push({ ...entry, ...sizeOf(entry.type, entry.size), seconds: Math.floor(mtimeMs / 1000), content });
    if (entry.type === "directory") seen.push(...(await ourTree(files, entry.path)));
  }
  return seen;
}

function kernelTree(root: string, path: string): Seen[] {
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => {
      const at = join(path, name);
      const info = lstatSync(join(root, at));
      const [type] = (
        [
          ["directory", info.isDirectory()],
          ["symlink", info.isSymbolicLink()],
          ["fifo", info.isFIFO()],
          ["device", info.isCharacterDevice()],
          ["file", info.isFile()],
        ] as const
      ).find(([, is]) => is) ?? ["socket"];
      const target = info.isSymbolicLink() ? { target: readlinkSync(join(root, at)) } : {};
      const seen: Seen = {
        ...{ name, path: at, type, mode: info.mode & 0o7777, uid: info.uid, gid: info.gid, ...target },
        ...sizeOf(type, info.size),
        seconds: Math.floor(info.mtimeMs / 1000),
        content: info.isFile() ? readFileSync(join(root, at)).toString("base64") : undefined,
      };
      return [seen, ...(info.isDirectory() ? kernelTree(root, at) : [])];
    });
}

/** How large a directory is differs between file systems. */
function sizeOf(type: OfflineEntry["type"], size: number): { size: number } {
  return { size: type === "directory" ? 0 : size };
}
