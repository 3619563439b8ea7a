/**
 * What a kernel file is, from its first bytes.
 *
 * x86 bzImage (Documentation/arch/x86/boot.rst): `0x1f1` setup_sects (0 means 4), `0x202` "HdrS", `0x206` protocol
 * version, `0x248` payload_offset, `0x24c` payload_length. The payload starts `payload_offset` bytes after the
 * protected-mode code, which starts at `(setup_sects + 1) * 512`. The build appends the unpacked size (4 bytes, little
 * endian) to every payload but gzip, whose own trailer holds it.
 * EFI zboot (arm64): `MZ`, "zimg" at `4`, payload offset at `8`, length at `12`, compression name at `24`.
 */
import { BandSoxError } from "@bandsox/contract";

export type Compression = "gzip" | "xz" | "zstd" | "lz4" | "lzma" | "bzip2";

/** A kernel a VMM can start as it is, or one packed in some way. */
export type KernelImage =
  | { readonly form: "elf" | "arm64-image" }
  | {
      readonly form: "packed";
      readonly compression: Compression;
      readonly offset: number;
      readonly length: number;
      /** Size the unpacked payload must have, in bytes; absent where the format does not tell */
      readonly unpackedBytes?: number;
    };

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["lz4", [0x02, 0x21, 0x4c, 0x18]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** Names the compression of `bytes` by their magic number, or `undefined`. */
export function findCompression(bytes: Uint8Array): Compression | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte))?.[0];
}

/** Whether `bytes` start an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0, "\x7fELF");
}

/** Whether `bytes` are an uncompressed arm64 `Image`. */
export function isArm64Image(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0x38, "ARM\x64");
}

/**
 * Recognises a kernel image.
 *
 * @throws {BandSoxError} `invalid_argument` when `bytes` are no kernel, or its header contradicts its size
 */
export function parseKernelImage(bytes: Uint8Array): KernelImage {
  if (isElf(bytes)) return { form: "elf" };
  if (isArm64Image(bytes)) return { form: "arm64-image" };
  const whole = findCompression(bytes);
  if (whole) return { form: "packed", compression: whole, offset: 0, length: bytes.length };
  if (startsWith(bytes, 0x202, "HdrS")) return parseBzImage(bytes);
  if (startsWith(bytes, 0, "MZ") && startsWith(bytes, 4, "zimg")) {
    const view = viewOf(bytes);
    return payloadAt(bytes, { offset: view.getUint32(8, true), length: view.getUint32(12, true) });
  }
  throw notAKernel("it is neither an ELF vmlinux, a bzImage nor an arm64 Image");
}

function parseBzImage(bytes: Uint8Array): KernelImage {
  if (bytes.length < 0x250) throw notAKernel("its setup header is cut short");
  const view = viewOf(bytes);
  const protocol = view.getUint16(0x206, true);
  if (protocol < 0x208) throw notAKernel(`its boot protocol ${protocol.toString(16)} is older than 2.08`);
  const codeStart = ((view.getUint8(0x1f1) || 4) + 1) * 512;
  return payloadAt(bytes, {
    offset: codeStart + view.getUint32(0x248, true),
    length: view.getUint32(0x24c, true),
  });
}

function payloadAt(bytes: Uint8Array, { offset, length }: { offset: number; length: number }): KernelImage {
  if (length < 8 || offset + length > bytes.length) {
    throw notAKernel(`its payload (${length} bytes at ${offset}) lies beyond its ${bytes.length} bytes`);
  }
  const compression = findCompression(bytes.subarray(offset, offset + 8));
  if (!compression) throw notAKernel("its payload has an unknown compression");
  if (compression === "gzip") return { form: "packed", compression, offset, length };
  const unpackedBytes = viewOf(bytes).getUint32(offset + length - 4, true);
  return { form: "packed", compression, offset, length: length - 4, unpackedBytes };
}

/** The release a kernel calls itself, e.g. `6.1.0-56-cloud-amd64`, from its unpacked bytes, or `undefined`. */
export function findKernelRelease(unpacked: Uint8Array): string | undefined {
  const buffer = Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
  for (let at = buffer.indexOf(BANNER); at >= 0; at = buffer.indexOf(BANNER, at + BANNER.length)) {
    const text = buffer.toString("latin1", at + BANNER.length, at + BANNER.length + RELEASE_LIMIT);
    const release = /^(\d+\.\d[\w.+~-]*) /.exec(text)?.[1];
    if (release) return release;
  }
  return undefined;
}
const BANNER = "Linux version ";
const RELEASE_LIMIT = 65;

const ELF_MACHINES = { x64: 62, arm64: 183 } as const;

/**
 * The release of an unpacked kernel, once it is known to be Linux and for this processor.
 *
 * @param architecture as in `process.arch`
 * @throws {BandSoxError} `invalid_argument` when it is not
 */
export function kernelReleaseFor(architecture: string, unpacked: Uint8Array): string {
  const machine = isElf(unpacked) ? viewOf(unpacked).getUint16(0x12, true) : ELF_MACHINES.arm64;
  const wanted = Object.entries(ELF_MACHINES).find(([name]) => name === architecture)?.[1];
  if (machine !== wanted)
    throw notAKernel(`it is for another processor than this ${architecture} (ELF machine ${machine})`);
  const release = findKernelRelease(unpacked);
  if (!release) throw notAKernel("it is an executable, but not Linux: it holds no version banner");
  return release;
}

function startsWith(bytes: Uint8Array, at: number, ascii: string): boolean {
  return [...ascii].every((character, index) => bytes[at + index] === character.charCodeAt(0));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function notAKernel(found: string): BandSoxError {
  return new BandSoxError("invalid_argument", `cannot use the kernel file: ${found}`, {
    field: "kernel",
    found,
  });
}
