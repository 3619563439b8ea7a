import { access, constants, mkdtempDisposable, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../host/run.ts";
import { readBootFiles } from "./boot-files.ts";
import type { DoctorCheck } from "./doctor-check.ts";

const ADVISED_FREE_BYTES = 2 * 1024 ** 3;
const REFLINK_SAMPLE_BYTES = 64 * 1024;

/** Reports whether the storage directory can be written, or made. */
export async function checkStorage(storageDir: string): Promise<DoctorCheck> {
  const base = { id: "storage", level: "required" } as const;
  const remedy = "choose another directory with --storage or BANDSOX_STORAGE, or mend its permissions";
  const nearest = await nearestExisting(storageDir);
  const text = nearest === storageDir ? storageDir : `${storageDir} (made when first used)`;
  if (!(await stat(nearest)).isDirectory())
    return { ...base, ok: false, found: `${nearest} is no directory`, remedy };
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
    return { ...base, ok: true, found: text };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { ...base, ok: false, found: `${nearest} cannot be written: ${code}`, remedy };
  }
}

/** Reports the kernel new VMs start. */
export async function checkKernel(storageDir: string): Promise<DoctorCheck> {
  const base = { id: "kernel", level: "required" } as const;
  try {
    const { kernelRelease } = await readBootFiles(storageDir);
    return { ...base, ok: true, found: kernelRelease };
  } catch (error) {
    return { ...base, ok: false, found: (error as Error).message, remedy: "bandsox init" };
  }
}

/** Reports the free space of the storage's file system. */
export async function checkFreeSpace(storageDir: string): Promise<DoctorCheck> {
  const { bavail, bsize } = await statfs(await nearestExisting(storageDir));
  const freeBytes = bavail * bsize;
  const ok = freeBytes >= ADVISED_FREE_BYTES;
  const found = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  const remedy = "free at least 2 GiB on the file system of the storage directory";
  return { id: "disk-space", level: "advised", ok, found, ...(ok ? {} : { remedy }) };
}

/** Reports whether the storage's file system copies a disk by reference. Tries it in a directory that is removed again. */
export async function checkReflink(storageDir: string, signal?: AbortSignal): Promise<DoctorCheck> {
  const base = { id: "reflink", level: "advised" } as const;
  try {
    await using temporary = await mkdtempDisposable(join(await nearestExisting(storageDir), ".doctor-"));
    const [from, to] = [join(temporary.path, "from"), join(temporary.path, "to")];
    await writeFile(from, Buffer.alloc(REFLINK_SAMPLE_BYTES, 1));
    await run("cp", ["--reflink=always", from, to], { signal });
    return { ...base, ok: true, found: "supported" };
  } catch {
    // Whatever the reason, disks are copied the other way.
    const remedy = "put the storage on XFS or Btrfs to copy disks at once";
    return { ...base, ok: false, found: "not supported: disks are copied sparsely", remedy };
  }
}

async function nearestExisting(path: string): Promise<string> {
  const exists = await stat(path).then(Boolean, () => false);
  const parent = dirname(path);
  return exists || parent === path ? path : nearestExisting(parent);
}
