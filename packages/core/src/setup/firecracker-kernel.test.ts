import { mkdtempDisposable, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  firecrackerKernel,
  newestBuilds,
  newestKernelKey,
  parseBucketListing,
} from "./firecracker-kernel.ts";
import { ARCHITECTURES } from "./kernel-source.ts";

let server: Server | undefined;
afterEach(() => void server?.close());

async function fakeBucket(answers: Record<string, string>): Promise<string> {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://bucket");
    const answer = answers[url.searchParams.get("prefix") ?? url.pathname];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(answer ?? "no such key");
  });
  await new Promise<void>((resolve) => void server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const folders = (...names: string[]) =>
  names.map((name) => `<CommonPrefixes><Prefix>firecracker-ci/${name}/</Prefix></CommonPrefixes>`).join("");
const keys = (...names: string[]) => names.map((name) => `<Key>firecracker-ci/${name}</Key>`).join("");

test("reads keys, folders and the next page of a listing", () => {
  const xml = `<ListBucketResult><Prefix>x</Prefix>${keys("a&amp;b")}${folders("v1.9")}<NextContinuationToken>t=</NextContinuationToken></ListBucketResult>`;
  expect(parseBucketListing(xml)).toEqual({
    names: ["firecracker-ci/a&b", "firecracker-ci/v1.9/"],
    nextToken: "t=",
  });
});

test("prefers dated builds, then releases, the newest of each first", () => {
  const found = ["v1.9", "20250101-aa", "v1.13", "20260101-bb", "someone"].map(
    (name) => `firecracker-ci/${name}/`,
  );
  expect(newestBuilds(found)).toEqual(
    ["20260101-bb", "20250101-aa", "v1.13", "v1.9"].map((name) => `firecracker-ci/${name}/`),
  );
});

test("takes the highest 6.1 kernel and none of its flavours", () => {
  const found = ["6.1.9", "6.1.155", "6.1.155.config", "6.1.200-no-acpi", "6.18.3"];
  const key = newestKernelKey(found.map((version) => `firecracker-ci/v1.13/x86_64/vmlinux-${version}`));
  expect(key).toBe("firecracker-ci/v1.13/x86_64/vmlinux-6.1.155");
});

test("downloads the kernel of the newest build that has one", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "bandsox-test-"));
  const bucket = await fakeBucket({
    "firecracker-ci/": folders("20250101-aa", "20260101-bb"),
    "firecracker-ci/20260101-bb/x86_64/vmlinux-6.1.": "",
    "firecracker-ci/20250101-aa/x86_64/vmlinux-6.1.": keys("20250101-aa/x86_64/vmlinux-6.1.155"),
    "/firecracker-ci/20250101-aa/x86_64/vmlinux-6.1.155": "kernel",
  });
  const source = firecrackerKernel(ARCHITECTURES.x64, bucket);
  const obtained = await source.obtain({ dir: temporary.path, onProgress: () => {} });
  expect(await readFile(join(temporary.path, "image"), "utf8")).toBe("kernel");
  expect(obtained.origin.location).toMatch(/20250101-aa\/x86_64\/vmlinux-6\.1\.155$/);
  expect(obtained.modulesBase).toBeUndefined();
});

test("says so when nothing is published for this architecture", async () => {
  const bucket = await fakeBucket({ "firecracker-ci/": "" });
  const source = firecrackerKernel(ARCHITECTURES.arm64, bucket);
  await expect(source.obtain({ dir: "/nonexistent", onProgress: () => {} })).rejects.toMatchObject({
    code: "kernel_unavailable",
  });
});
