import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBandSoxError } from "@bandsox/contract";
import { defaultBinDir, defaultStorageDir, ensureBootFiles, readBootFiles } from "@bandsox/core";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A storage directory with boot files, shared by the run; `undefined` when it could not be prepared */
    bootStorage: string | undefined;
  }
}

/** A storage directory of this run's own, removed when disposed of. */
export interface SharedStorage extends AsyncDisposable {
  readonly storageDir: string;
}

/**
 * Prepares one storage directory for the run, with boot files that hold the agent as it is built now. The kernel is
 * copied from `BANDSOX_TEST_KERNEL_CACHE` or the default storage when one of them has it, else looked for as `init` does,
 * and then kept in `BANDSOX_TEST_KERNEL_CACHE` if that is set.
 */
export async function openSharedStorage(env: NodeJS.ProcessEnv = process.env): Promise<SharedStorage> {
  const storageDir = await mkdtemp(join(tmpdir(), "bandsox-test-storage-"));
  const dispose = () => rm(storageDir, { recursive: true, force: true });
  try {
    const cache = env.BANDSOX_TEST_KERNEL_CACHE;
    const reused = await copyKernel([cache, defaultStorageDir(env)], storageDir);
    const agentPath = join(defaultBinDir(env), "bandsox-agent");
    const files = await ensureBootFiles({ storageDir, agentPath });
    if (cache && reused !== cache) await copyInto(storageDir, cache);
    say(
      `shared storage ${storageDir}: kernel ${files.kernelRelease}${reused ? ` copied from ${reused}` : ""}`,
    );
    return { storageDir, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Opens the shared storage and gives it to the tests as `inject("bootStorage")`; returns the teardown. */
export async function provideSharedStorage(project: TestProject): Promise<() => Promise<void>> {
  try {
    const storage = await openSharedStorage();
    project.provide("bootStorage", storage.storageDir);
    return async () => storage[Symbol.asyncDispose]();
  } catch (error) {
    if (!isBandSoxError(error, "kernel_unavailable") && !isBandSoxError(error, "tool_missing")) throw error;
    say(`tests that start VMs will be skipped: ${error.message}`);
    project.provide("bootStorage", undefined);
    return async () => {};
  }
}

async function copyKernel(
  candidates: readonly (string | undefined)[],
  storageDir: string,
): Promise<string | undefined> {
  for (const candidate of candidates) {
    const hasKernel = candidate && (await readBootFiles(candidate).then(Boolean, () => false));
    if (!hasKernel) continue;
    await copyInto(candidate, storageDir);
    return candidate;
  }
  return undefined;
}

async function copyInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const isWanted = (path: string) => !path.includes("/.staging-");
  await cp(join(from, "kernel"), join(to, "kernel"), { recursive: true, filter: isWanted });
}

/** Prints one line of a tier's set-up. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
