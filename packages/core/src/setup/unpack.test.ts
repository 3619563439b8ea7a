import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { unpackKernel, unpackModule } from "./unpack.ts";

const elf = Buffer.from("\x7fELF and more", "latin1");
const scratch = "/nonexistent/scratch";

function zbootImage(payload: Buffer, unpackedBytes: number): Buffer {
  const image = Buffer.alloc(64 + payload.length + 4);
  image.write("MZ\0\0zimg", 0, "latin1");
  image.writeUInt32LE(64, 8);
  image.writeUInt32LE(payload.length + 4, 12);
  payload.copy(image, 64);
  image.writeUInt32LE(unpackedBytes, 64 + payload.length);
  return image;
}

test("unpackKernel leaves an ELF as it is", async () => {
  expect(await unpackKernel(elf, { scratch })).toBe(elf);
});

test("unpackKernel unpacks gzip and zstd without any tool", async () => {
  expect(await unpackKernel(gzipSync(elf), { scratch })).toEqual(elf);
  expect(await unpackKernel(zbootImage(zstdCompressSync(elf), elf.length), { scratch })).toEqual(elf);
});

test("unpackKernel refuses a payload of another size than its header says", async () => {
  const image = zbootImage(zstdCompressSync(elf), elf.length + 1);
  await expect(unpackKernel(image, { scratch })).rejects.toThrow(/header says/);
});

test("unpackKernel refuses a payload that is no kernel, or is cut short", async () => {
  await expect(unpackKernel(gzipSync("text"), { scratch })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await expect(unpackKernel(gzipSync(elf).subarray(0, 20), { scratch })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("unpackModule unpacks what its bytes say, whatever its name", async () => {
  expect(await unpackModule(elf, { scratch })).toBe(elf);
  expect(await unpackModule(zstdCompressSync(elf), { scratch })).toEqual(elf);
  await expect(unpackModule(Buffer.from("text"), { scratch })).rejects.toThrow(/no ELF/);
});
