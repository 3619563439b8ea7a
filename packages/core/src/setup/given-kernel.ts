import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { BandSoxError } from "@bandsox/contract";
import { download } from "./download.ts";
import type { KernelSource, ObtainOptions } from "./kernel-source.ts";

/** Largest kernel file accepted, in bytes; published ones with debug symbols are some 50 MB. */
export const KERNEL_LIMIT_BYTES = 1024 * 1024 * 1024;

export interface GivenKernel {
  /** `http:`, `https:` or `file:` address, or a path */
  readonly url: string;
  /** What the file must hash to, in hex (default: unchecked) */
  readonly sha256?: string | undefined;
}

/** Tells an address from a path. */
export function parseKernelLocation(
  url: string,
): { kind: "remote"; url: string } | { kind: "file"; path: string } {
  if (/^https?:\/\//i.test(url)) return { kind: "remote", url };
  if (/^file:\/\//i.test(url)) return { kind: "file", path: fileUrlPath(url) };
  if (url === "" || /^[a-z][a-z0-9+.-]+:\/\//i.test(url)) {
    throw new BandSoxError(
      "invalid_argument",
      `kernel: neither a path, file:// nor http(s):// address: ${url}`,
      {
        field: "kernelUrl",
        found: url,
      },
    );
  }
  return { kind: "file", path: resolve(url) };
}

function fileUrlPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    const details = { field: "kernelUrl", found: url };
    throw new BandSoxError("invalid_argument", `kernel: not a local file address: ${url}`, details, {
      cause,
    });
  }
}

/** The kernel the user named; its checksum is verified before it is used. */
export function givenKernel({ url, sha256 }: GivenKernel): KernelSource {
  const location = parseKernelLocation(url);
  return {
    name: url,
    async obtain(options) {
      const { path, found } =
        location.kind === "file"
          ? await localFile(location.path, options.signal)
          : await remoteFile(url, options);
      if (sha256 && sha256.toLowerCase() !== found) {
        const details = { source: url, expected: sha256.toLowerCase(), found };
        throw new BandSoxError("checksum_mismatch", `${url} hashes to ${found}, not to ${sha256}`, details);
      }
      return {
        imagePath: path,
        origin: { kind: "given", location: location.kind === "file" ? location.path : url },
      };
    },
  };
}

async function remoteFile(url: string, { dir, onProgress, signal }: ObtainOptions) {
  const path = join(dir, "image");
  const found = await download(url, {
    path,
    limitBytes: KERNEL_LIMIT_BYTES,
    onFraction: (fraction) =>
      onProgress({ step: "kernel", state: "progress", text: `downloading ${url}`, fraction }),
    signal,
  });
  return { path, found };
}

async function localFile(path: string, signal: AbortSignal | undefined) {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new Error("not a file");
    if (info.size > KERNEL_LIMIT_BYTES) throw new Error(`larger than ${KERNEL_LIMIT_BYTES} bytes`);
    return { path, found: await sha256OfFile(path, signal) };
  } catch (cause) {
    if ((cause as Error).name === "AbortError") throw cause;
    const message = `cannot read the kernel at ${path}: ${(cause as Error).message}`;
    throw new BandSoxError("kernel_unavailable", message, { sources: [path] }, { cause });
  }
}

/** Hashes a file of any size in a stream; hex. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest("hex");
}
