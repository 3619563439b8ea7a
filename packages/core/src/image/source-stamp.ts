import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSource } from "./image-source.ts";

/** A file changed within this time of being looked at may change again without its times telling. */
const SETTLED_MS = 2000;

/**
 * What tells that a local source has not changed since it was last read: identity, size and times of the one file
 * that changes whenever the source does. `undefined` where there is no such file, or it is too fresh to tell.
 */
export async function stampOf(source: ImageSource, now = Date.now()): Promise<string | undefined> {
  const info = await telltale(source);
  if (!info?.isFile()) return undefined;
  const changedMs = Number(info.ctimeMs);
  if (now - changedMs < SETTLED_MS) return undefined;
  return [info.dev, info.ino, info.size, info.mtimeNs, info.ctimeNs].join(":");
}

async function telltale(source: ImageSource): Promise<BigIntStats | undefined> {
  if (source.kind === "ext4") return look(source.path);
  if (source.kind === "tar") return look(source.text.slice("tar:".length));
  if (source.kind === "oci") return lookAtPrefix(source.text.slice("oci:".length), "index.json");
  if (source.kind === "docker-archive") return lookAtPrefix(source.text.slice("docker-archive:".length), "");
  return undefined;
}

/** The path of `path[:ref]` is its longest part that exists, as for the helper. */
async function lookAtPrefix(text: string, file: string): Promise<BigIntStats | undefined> {
  for (let end = text.length; end > 0; end = text.lastIndexOf(":", end - 1)) {
    const path = text.slice(0, end);
    if (await look(path)) return look(join(path, file));
  }
  return undefined;
}

async function look(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined); // absent: the source says so when it is read
}
