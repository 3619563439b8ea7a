import { createHash } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import type { ArchivePaths, SnapshotArchives } from "@bandsox/core/ports";

/** Archives that are JSON: the text of each file by its name. A registry is a map of them. */
export function fakeArchives(): SnapshotArchives {
  const registry = new Map<string, string>();
  const unpack = async (archive: string, dir: string) => {
    const digests: Record<string, string> = {};
    for (const [name, content] of Object.entries(parsed(archive))) {
      await writeFile(join(dir, name), content);
      // The fake engine's memory is a word; an import looks whether it has the VM's size.
      if (name === "memory") await truncate(join(dir, name), 128 * 1024 ** 2);
      digests[name] = digestOf(content);
    }
    return digests;
  };
  return {
    pack: async (files, output) => writeFile(output, await contentOf(files)),
    unpack: async (input, dir) => unpack(await readFile(input, "utf8"), dir),
    digest: async (path) => digestOf(await readFile(path, "utf8")),
    push: async (files, reference) => {
      registry.set(reference, await contentOf(files));
      return digestOf(registry.get(reference) ?? "");
    },
    pull: async (reference, dir) => {
      const pushed = registry.get(reference);
      if (pushed) return unpack(pushed, dir);
      throw new BandSoxError("image_not_found", `there is no ${reference}`, { reference });
    },
  };
}

function parsed(archive: string): Record<string, string> {
  try {
    return JSON.parse(archive) as Record<string, string>;
  } catch (cause) {
    const details = { reference: "the archive" };
    throw new BandSoxError("snapshot_invalid", "cannot take the snapshot: it is no JSON", details, { cause });
  }
}

async function contentOf(files: ArchivePaths): Promise<string> {
  const content: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) content[name] = await readFile(path, "utf8");
  return JSON.stringify(content);
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
