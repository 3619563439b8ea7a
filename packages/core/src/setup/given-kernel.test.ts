import { createHash } from "node:crypto";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { givenKernel, parseKernelLocation } from "./given-kernel.ts";

const temporary = () => mkdtempDisposable(join(tmpdir(), "bandsox-test-"));
const sha256 = createHash("sha256").update("kernel").digest("hex");

/** A server that promises `promised` bytes and sends `body`. */
async function serve(body: string, promised = body.length) {
  const server = createServer((_request, response) => {
    response.setHeader("content-length", promised);
    response.write(body, () => response.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/vmlinux`;
  return { url, [Symbol.dispose]: () => void server.close() };
}

describe("parseKernelLocation", () => {
  test("tells addresses from paths", () => {
    expect(parseKernelLocation("https://host/k")).toEqual({ kind: "remote", url: "https://host/k" });
    expect(parseKernelLocation("file:///a%20b")).toEqual({ kind: "file", path: "/a b" });
    expect(parseKernelLocation("/boot/vmlinuz")).toEqual({ kind: "file", path: "/boot/vmlinuz" });
  });

  test.for(["", "ftp://host/k", "s3://bucket/k", "file://host/k"])("refuses %j", (url) => {
    expect(() => parseKernelLocation(url)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("givenKernel", () => {
  test("uses a local file where it is, once its checksum fits", async () => {
    await using dir = await temporary();
    const path = join(dir.path, "vmlinux");
    await writeFile(path, "kernel");
    const source = givenKernel({ url: `file://${path}`, sha256: sha256.toUpperCase() });
    const obtained = await source.obtain({ dir: dir.path, onProgress: () => {} });
    expect(obtained).toEqual({ imagePath: path, origin: { kind: "given", location: path } });
  });

  test("downloads a remote one", async () => {
    await using dir = await temporary();
    using server = await serve("kernel");
    const { imagePath } = await givenKernel({ url: server.url, sha256 }).obtain({
      dir: dir.path,
      onProgress: () => {},
    });
    expect(await readFile(imagePath, "utf8")).toBe("kernel");
  });

  test("refuses other bytes than the checksum promises", async () => {
    await using dir = await temporary();
    using server = await serve("virus!");
    const attempt = givenKernel({ url: server.url, sha256 }).obtain({ dir: dir.path, onProgress: () => {} });
    await expect(attempt).rejects.toMatchObject({ code: "checksum_mismatch", details: { expected: sha256 } });
  });

  test("refuses a download that is cut short", async () => {
    await using dir = await temporary();
    using server = await serve("ker", 6);
    const attempt = givenKernel({ url: server.url }).obtain({ dir: dir.path, onProgress: () => {} });
    await expect(attempt).rejects.toMatchObject({ code: "kernel_unavailable" });
  });

  test.for(["http://127.0.0.1:1/vmlinux", "/nonexistent/vmlinux", "/"])(
    "says that %s cannot be had",
    async (url) => {
      const attempt = givenKernel({ url }).obtain({ dir: "/nonexistent", onProgress: () => {} });
      await expect(attempt).rejects.toMatchObject({ code: "kernel_unavailable" });
    },
  );
});
