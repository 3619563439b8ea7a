import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Memory as a file system, for tests that write often and care for no power cut. */
export const MEMORY_DIR = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A directory of a test's own, gone when disposed of. */
export async function temporaryDirectory(parent = tmpdir()): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(parent, "bandsox-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
