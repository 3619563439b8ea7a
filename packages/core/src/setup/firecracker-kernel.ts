import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { download, downloadText } from "./download.ts";
import { KERNEL_LIMIT_BYTES } from "./given-kernel.ts";
import type { Architecture, KernelSource } from "./kernel-source.ts";

/** The bucket Firecracker's docs/getting-started.md names; its dots rule out the host-name form over TLS. */
export const FIRECRACKER_BUCKET = "https://s3.amazonaws.com/spec.ccfc.min";
const ROOT = "firecracker-ci/";
/** The listing is from an outside service: how much of it is read, and how many builds are tried */
const MAX_PAGES = 5;
const MAX_BUILDS = 4;

/**
 * Firecracker's published CI kernel: everything a guest needs is built in. The newest build that has a 6.1 kernel for
 * this architecture is taken.
 */
export function firecrackerKernel(architecture: Architecture, bucket = FIRECRACKER_BUCKET): KernelSource {
  return {
    name: "Firecracker's published kernel",
    async obtain({ dir, onProgress, signal }) {
      const key = await findNewestKernel(bucket, { architecture, signal });
      const url = `${bucket}/${key}`;
      const imagePath = join(dir, "image");
      await download(url, {
        path: imagePath,
        limitBytes: KERNEL_LIMIT_BYTES,
        onFraction: (fraction) =>
          onProgress({ step: "kernel", state: "progress", text: `downloading ${key}`, fraction }),
        signal,
      });
      return { imagePath, origin: { kind: "firecracker", location: url } };
    },
  };
}

async function findNewestKernel(
  bucket: string,
  { architecture, signal }: { architecture: Architecture; signal: AbortSignal | undefined },
): Promise<string> {
  const builds = await list(bucket, { prefix: ROOT, delimiter: "/", signal });
  for (const build of newestBuilds(builds).slice(0, MAX_BUILDS)) {
    const keys = await list(bucket, { prefix: `${build}${architecture.kernel}/vmlinux-6.1.`, signal });
    const key = newestKernelKey(keys);
    if (key) return key;
  }
  throw new BandSoxError("kernel_unavailable", `${bucket} lists no 6.1 kernel for ${architecture.kernel}`, {
    sources: [bucket],
  });
}

async function list(
  bucket: string,
  { prefix, delimiter, signal }: { prefix: string; delimiter?: string; signal: AbortSignal | undefined },
): Promise<string[]> {
  const names: string[] = [];
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ "list-type": "2", prefix });
    if (delimiter) query.set("delimiter", delimiter);
    if (token) query.set("continuation-token", token);
    const listing = parseBucketListing(await downloadText(`${bucket}?${query}`, signal));
    names.push(...listing.names);
    token = listing.nextToken;
    if (!token) break;
  }
  return names;
}

/** Reads the keys, or with a delimiter the folders, of an S3 listing. */
export function parseBucketListing(xml: string): { names: string[]; nextToken: string | undefined } {
  const keys = [...xml.matchAll(/<Key>([^<]+)<\/Key>/g)];
  const folders = [...xml.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]+)<\/Prefix>/g)];
  const names = [...keys, ...folders].map((match) => unescapeXml(match[1] ?? ""));
  const nextToken = /<NextContinuationToken>([^<]+)</.exec(xml)?.[1];
  return { names, nextToken: nextToken && unescapeXml(nextToken) };
}

/** Orders build folders newest first: dated ones (`20251231-…`), then those named for a release (`v1.13`). */
export function newestBuilds(folders: readonly string[]): string[] {
  const dated = folders.filter((folder) => /^firecracker-ci\/\d{8}-[^/]+\/$/.test(folder));
  const released = folders.filter((folder) => /^firecracker-ci\/v\d+\.\d+\/$/.test(folder));
  return [...dated.toSorted().toReversed(), ...released.toSorted(byNumbers).toReversed()];
}

/** The highest plain `vmlinux-6.1.<n>` of a listing; flavours such as `-no-acpi` and `.config` files are not it. */
export function newestKernelKey(keys: readonly string[]): string | undefined {
  const plain = keys.filter((key) => /^firecracker-ci\/[\w.-]+\/\w+\/vmlinux-6\.1\.\d+$/.test(key));
  return plain.toSorted(byNumbers).at(-1);
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
