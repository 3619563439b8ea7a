import { chmod, chown, link, lstat, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import type { VmPaths } from "../../host/paths.ts";
import { removeTree } from "../../host/remove-tree.ts";
import type { BootRequest, SavedMachine } from "../engine.ts";
import type { Jail } from "./jail.ts";
import { MACHINE_FILES } from "./machine-config.ts";
import type { Bind } from "./own-namespaces.ts";

/** Where a VMM finds what it is told of, by the names it is told them by. */
export interface Layout {
  readonly kernel: { readonly vmlinux: string; readonly initramfs: string };
  readonly from: SavedMachine | undefined;
  readonly vsockPath: string;
  /** Made in a mount namespace of the VMM's own */
  readonly binds: readonly Bind[];
}

/** Everybody may read what machines share and nobody writes; the directories it is in let nobody else through. */
const SHARED_MODE = 0o644;
const OWN_MODE = 0o600;

/** Gives a machine's files the names it knows them by, in the VM's own directory. */
export async function layOut({ machine, from, paths }: BootRequest): Promise<Layout> {
  await replaceSymlink(machine.baseDisk, paths.baseDisk);
  if (machine.layerDisk !== paths.layerDisk) await replaceSymlink(machine.layerDisk, paths.layerDisk);
  const kernel = { vmlinux: machine.vmlinuxPath, initramfs: machine.initramfsPath };
  return { kernel, from, vsockPath: MACHINE_FILES.vsock, binds: [] };
}

/**
 * The same in a mount namespace of the VMM's own, in which `isolationDir` is the VM's directory: the vsock socket has one
 * absolute name for all machines, and is another file for each.
 *
 * @throws {BandSoxError} `engine_unavailable` when the directory is somebody else's
 */
export async function layOutIsolated(request: BootRequest, isolationDir: string): Promise<Layout> {
  await mkdir(isolationDir, { recursive: true, mode: 0o700 });
  const found = await lstat(isolationDir);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    const reason = `${isolationDir} is not a directory of this user's`;
    const message = `cannot use the firecracker engine: ${reason}`;
    throw new BandSoxError("engine_unavailable", message, { engine: "firecracker", reason });
  }
  const layout = await layOut(request);
  return {
    ...layout,
    vsockPath: join(isolationDir, MACHINE_FILES.vsock),
    binds: [{ source: request.paths.dir, target: isolationDir }],
  };
}

/**
 * Fills a jail, made anew: every file enters it by a second name, or is bound into it where it is on another file system,
 * and none is copied. Its sockets are reached by links in the VM's directory.
 */
export async function layOutJail(
  { machine, from, layerFrom, paths }: BootRequest,
  jail: Jail,
): Promise<Layout> {
  await removeTree(paths.jail);
  await mkdir(jail.root, { recursive: true, mode: 0o700 });
  const binds: Bind[] = [];
  const enter = async (source: string, name: string, owner?: number) => {
    const target = join(jail.root, name);
    await chmod(source, owner === undefined ? SHARED_MODE : OWN_MODE);
    if (owner !== undefined) await chown(source, owner, owner);
    if (!(await linked(source, target))) binds.push({ source, target });
    return name;
  };
  await enter(machine.baseDisk, MACHINE_FILES.base);
  if (layerFrom !== undefined) await writeFile(machine.layerDisk, "", { mode: OWN_MODE }); // filled while the VMM starts
  await enter(machine.layerDisk, MACHINE_FILES.layer, jail.uid);
  const kernel = from
    ? { vmlinux: "", initramfs: "" }
    : {
        vmlinux: await enter(machine.vmlinuxPath, "vmlinux"),
        initramfs: await enter(machine.initramfsPath, "initramfs"),
      };
  const inside = from && {
    memory: await enter(from.memory, "from.memory"),
    state: await enter(from.state, "from.state"),
  };
  await linkSockets(paths, jail);
  return { kernel, from: inside, vsockPath: MACHINE_FILES.vsock, binds };
}

async function linkSockets(paths: VmPaths, jail: Jail): Promise<void> {
  for (const path of [paths.apiSocket, paths.vsockSocket])
    await replaceSymlink(join(jail.relativeRoot, basename(path)), path);
}

/** A second name of a file; where that cannot be, an empty file to bind it over. */
async function linked(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await writeFile(target, "");
    return false;
  }
}

async function replaceSymlink(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
