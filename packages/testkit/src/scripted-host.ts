import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A host for processes of the product: a storage of its own, boot files of no use, and shell scripts for programs. */
export interface ScriptedHost extends AsyncDisposable {
  readonly dir: string;
  /** What to start a process with, so that it finds all that */
  readonly env: Readonly<Record<string, string>>;
}

const SHA256 = "0".repeat(64);

/** Makes one. Programs are script bodies by name; a VM gets as far as they let it. */
export async function scriptedHost(programs: Readonly<Record<string, string>>): Promise<ScriptedHost> {
  const { path: dir, [Symbol.asyncDispose]: dispose } = await temporaryDirectory();
  const [binDir, storageDir] = [join(dir, "bin"), join(dir, "storage")];
  await mkdir(binDir);
  await writeBootFiles(storageDir);
  for (const [name, body] of Object.entries({ "qemu-system-x86_64": "exit 1", ...programs })) {
    await writeFile(join(binDir, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(binDir, name), 0o755);
  }
  const env = {
    PATH: `${binDir}:${process.env.PATH ?? ""}`,
    BANDSOX_BIN_DIR: binDir,
    BANDSOX_STORAGE: storageDir,
    BANDSOX_ACCEL: "kvm",
  };
  return { dir, env, [Symbol.asyncDispose]: dispose };
}

async function writeBootFiles(storageDir: string): Promise<void> {
  const kernelDir = join(storageDir, "kernel");
  const manifest = {
    ...{ format: 1, kernelRelease: "0", createdAt: "2000-01-01T00:00:00Z" },
    source: { kind: "given", location: "nowhere", imageSha256: SHA256 },
    ...{ kernelSha256: SHA256, agentSha256: SHA256, initramfsSha256: SHA256 },
  };
  const dir = join(kernelDir, SHA256);
  await mkdir(dir, { recursive: true });
  await writeFile(join(kernelDir, "current.json"), JSON.stringify({ kernelSha256: SHA256 }));
  await writeFile(join(dir, "manifest.json"), JSON.stringify(manifest));
  for (const name of ["vmlinux", `initramfs-${SHA256.slice(0, 16)}.cpio`])
    await writeFile(join(dir, name), "x");
}
