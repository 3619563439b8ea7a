import { readFileSync, statSync } from "node:fs";
import type { z } from "zod";

/** Files whose content is kept, for each kind; a storage has one of a kind for each VM. */
const KNOWN_MAX = 4096;

/**
 * Reads small files of one kind, each as its schema has it: `undefined` when it is absent, or its writer died. What has
 * not changed since it was read is not read again: lists look at every VM's.
 */
export function jsonFile<T>(schema: z.ZodType<T>): (path: string) => T | undefined {
  const known = new Map<string, { readonly stamp: string; readonly value: T | undefined }>();
  return (path) => {
    const stamp = stampOf(path);
    if (stamp === undefined) return undefined;
    const before = known.get(path);
    if (before?.stamp === stamp) return before.value;
    const text = textOf(path);
    if (text === undefined) return undefined; // of no file's content: the next look reads it again
    const value = schema.safeParse(jsonOf(text)).data;
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(path, { stamp, value });
    return value;
  };
}

function stampOf(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found && `${found.dev} ${found.ino} ${found.mtimeMs} ${found.ctimeMs} ${found.size}`;
  } catch {
    return undefined; // its directory is none, or closed to us: as absent
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // gone meanwhile, or this process has no descriptor left
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its writer has died, or is at it
  }
}
