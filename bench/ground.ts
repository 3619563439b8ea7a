import { copyFile, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultStorageDir, ensureBootFiles, provideHelpers } from "@bandsox/core";

const PROGRAMS = ["sh", "cat", "dd", "echo", "head", "true", "yes"];
const FOLDERS = ["dev", "proc", "sys", "etc", "run", "tmp"];

/**
 * A storage of the run's own, with the agent as it is built now and the kernel that `make setup` obtained, or that is kept
 * where `BANDSOX_TEST_KERNEL_CACHE` says.
 */
export async function storageIn(dir: string): Promise<string> {
  const storage = join(dir, "storage");
  await mkdir(storage);
  const kernels = process.env.BANDSOX_TEST_KERNEL_CACHE ?? defaultStorageDir(process.env);
  await cp(join(kernels, "kernel"), join(storage, "kernel"), { recursive: true });
  const helpers = await provideHelpers(storage, process.env);
  await ensureBootFiles({ storageDir: storage, agentPath: join(helpers, "bandsox-agent") });
  return storage;
}

/** A root directory with this machine's busybox in it. */
export async function busyboxRoot(dir: string): Promise<string> {
  const root = join(dir, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  for (const folder of FOLDERS) await mkdir(join(root, folder));
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  await writeFile(join(root, "etc/group"), "root:x:0:\n");
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const name of PROGRAMS) await symlink("busybox", join(root, "bin", name));
  return root;
}
