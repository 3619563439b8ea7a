import { type FileHandle, open } from "node:fs/promises";

const PAGE_BYTES = 4096;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes a guest's memory to a file as Firecracker does: over what is there if that has the right size. With `base`, only
 * the pages that differ from it: what Firecracker's record of changed pages holds.
 */
export async function writeMemory(from: string, to: string, base?: string): Promise<void> {
  await using source = await open(from, "r");
  await using before = base === undefined ? undefined : await open(base, "r");
  await using destination = await open(to, "a").then(async (made) => {
    await made.close();
    return open(to, "r+");
  });
  const { size } = await source.stat();
  if ((await destination.stat()).size !== size) await destination.truncate(0);
  await destination.truncate(size);
  const now = Buffer.alloc(CHUNK_BYTES);
  const then = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    await source.read(now, 0, CHUNK_BYTES, at);
    if (!before) {
      await destination.write(now, 0, CHUNK_BYTES, at);
      continue;
    }
    await before.read(then, 0, CHUNK_BYTES, at);
    if (!now.equals(then)) await writeChanged(destination, { now, then, at });
  }
}

async function writeChanged(
  destination: FileHandle,
  { now, then, at }: { now: Buffer; then: Buffer; at: number },
): Promise<void> {
  for (let page = 0; page < CHUNK_BYTES; page += PAGE_BYTES) {
    const changed = now.subarray(page, page + PAGE_BYTES);
    if (!changed.equals(then.subarray(page, page + PAGE_BYTES)))
      await destination.write(changed, 0, PAGE_BYTES, at + page);
  }
}
