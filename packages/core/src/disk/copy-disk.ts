import { run } from "../host/run.ts";

/** Copies a disk without its holes, by reference where the file system can. */
export async function copyDisk(from: string, to: string, signal?: AbortSignal): Promise<void> {
  await run("cp", ["--reflink=auto", "--sparse=always", from, to], { signal });
}
