import { describe, expect, test } from "vitest";
import { findCompression, findKernelRelease, kernelReleaseFor, parseKernelImage } from "./kernel-image.ts";

const SETUP_SECTS = 3;
const CODE_START = (SETUP_SECTS + 1) * 512;

function bzImage(payload: readonly number[], { length = payload.length, protocol = 0x20f } = {}): Buffer {
  const image = Buffer.alloc(CODE_START + 64 + payload.length);
  image[0x1f1] = SETUP_SECTS;
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(protocol, 0x206);
  image.writeUInt32LE(64, 0x248);
  image.writeUInt32LE(length, 0x24c);
  image.set(payload, CODE_START + 64);
  return image;
}
const lz4Payload = [0x02, 0x21, 0x4c, 0x18, 1, 2, 3, 4, 0x00, 0x10, 0x00, 0x00];

describe("parseKernelImage", () => {
  test("finds the payload of a bzImage and the size it must unpack to", () => {
    expect(parseKernelImage(bzImage(lz4Payload))).toEqual({
      form: "packed",
      compression: "lz4",
      offset: CODE_START + 64,
      length: 8,
      unpackedBytes: 0x1000,
    });
  });

  test("takes 0 setup sectors for 4, as the boot protocol says", () => {
    const image = Buffer.alloc(5 * 512 + 64);
    bzImage([]).copy(image, 0, 0, 0x250);
    image[0x1f1] = 0;
    image.writeUInt32LE(0, 0x248);
    image.writeUInt32LE(lz4Payload.length, 0x24c);
    image.set(lz4Payload, 5 * 512);
    expect(parseKernelImage(image)).toMatchObject({ form: "packed", offset: 5 * 512 });
  });

  test("keeps the whole of a gzip payload, whose trailer is its own", () => {
    const image = parseKernelImage(bzImage([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 9, 9, 9, 9]));
    expect(image).toEqual({ form: "packed", compression: "gzip", offset: CODE_START + 64, length: 12 });
  });

  test("reads an EFI zboot image", () => {
    const image = Buffer.alloc(128);
    image.write("MZ", 0, "latin1");
    image.write("zimg", 4, "latin1");
    image.writeUInt32LE(64, 8);
    image.writeUInt32LE(12, 12);
    image.set([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4, 5, 0, 0, 0], 64);
    expect(parseKernelImage(image)).toMatchObject({
      compression: "zstd",
      offset: 64,
      length: 8,
      unpackedBytes: 5,
    });
  });

  test("takes an ELF and an arm64 Image as they are", () => {
    expect(parseKernelImage(Buffer.from("\x7fELF...", "latin1"))).toEqual({ form: "elf" });
    const arm = Buffer.alloc(64);
    arm.write("ARM\x64", 0x38, "latin1");
    expect(parseKernelImage(arm)).toEqual({ form: "arm64-image" });
  });

  test.for([
    ["text", Buffer.from("<html>not found</html>")],
    ["nothing", Buffer.alloc(0)],
    ["a payload longer than the file", bzImage(lz4Payload, { length: 1 << 20 })],
    ["a payload of unknown compression", bzImage([9, 9, 9, 9, 9, 9, 9, 9, 9, 9])],
    ["a boot protocol without payload fields", bzImage(lz4Payload, { protocol: 0x206 })],
    ["a header cut short", bzImage(lz4Payload).subarray(0, 0x210)],
  ] as const)("refuses %s", ([, bytes]) => {
    expect(() => parseKernelImage(bytes)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

test("findCompression answers nothing for plain bytes", () => {
  expect(findCompression(Buffer.from("plain"))).toBeUndefined();
});

describe("findKernelRelease", () => {
  test("skips format strings and finds the banner", () => {
    const bytes = Buffer.from(
      "\0Linux version %s\0..Linux version 6.1.0-56-cloud-amd64 (debian-kernel) #1\n",
    );
    expect(findKernelRelease(bytes)).toBe("6.1.0-56-cloud-amd64");
  });

  test("answers nothing when there is no banner", () => {
    expect(findKernelRelease(Buffer.from("Linux version "))).toBeUndefined();
  });
});

describe("kernelReleaseFor", () => {
  const elf = Buffer.alloc(128);
  elf.write("\x7fELF", 0, "latin1");
  elf.writeUInt16LE(62, 0x12);
  const kernel = Buffer.concat([elf, Buffer.from("Linux version 6.1.155 (builder) #1")]);

  test("answers the release of a kernel for this processor", () => {
    expect(kernelReleaseFor("x64", kernel)).toBe("6.1.155");
  });

  test("refuses a kernel for another processor", () => {
    expect(() => kernelReleaseFor("arm64", kernel)).toThrow(/another processor/);
  });

  test("refuses a program that is not Linux", () => {
    expect(() => kernelReleaseFor("x64", elf)).toThrow(/not Linux/);
  });
});
