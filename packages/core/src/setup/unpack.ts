import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { BandSoxError } from "@bandsox/contract";
import { run } from "../host/run.ts";
import { type Compression, findCompression, isArm64Image, isElf, parseKernelImage } from "./kernel-image.ts";

const OUTPUT_LIMIT_BYTES = 1024 * 1024 * 1024;

/** The tool for what Node cannot unpack; each gets `<scratch>.<suffix>` and leaves `<scratch>`. */
const TOOLS = {
  lz4: { tool: "lz4", suffix: "lz4", args: ["-d", "-q", "-f"] },
  // A kernel's payload may be padded; --single-stream ends where the stream does.
  xz: { tool: "xz", suffix: "xz", args: ["-d", "-f", "--single-stream"] },
  lzma: { tool: "xz", suffix: "lzma", args: ["-d", "-f", "--format=lzma"] },
  bzip2: { tool: "bzip2", suffix: "bz2", args: ["-d", "-f"] },
} as const satisfies Partial<Record<Compression, object>>;

export interface UnpackOptions {
  /** A path of the caller's that may be written, also with a suffix; its directory must exist */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks a kernel image to what a VMM starts: an ELF vmlinux, or an arm64 `Image`.
 *
 * @throws {BandSoxError} `invalid_argument` when it is no kernel or is damaged; `tool_missing` when its compression
 *   needs a tool that is not installed
 */
export async function unpackKernel(image: Uint8Array, options: UnpackOptions): Promise<Uint8Array> {
  const parsed = parseKernelImage(image);
  if (parsed.form !== "packed") return image;
  const payload = image.subarray(parsed.offset, parsed.offset + parsed.length);
  const unpacked = await unpack(payload, { ...options, compression: parsed.compression });
  if (parsed.unpackedBytes !== undefined && parsed.unpackedBytes !== unpacked.length) {
    throw damaged(`its payload unpacks to ${unpacked.length} bytes, its header says ${parsed.unpackedBytes}`);
  }
  if (!isElf(unpacked) && !isArm64Image(unpacked))
    throw damaged("its payload is neither ELF nor an arm64 Image");
  return unpacked;
}

/** Unpacks a module file (`.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`) to the ELF the kernel loads. */
export async function unpackModule(bytes: Uint8Array, options: UnpackOptions): Promise<Uint8Array> {
  if (isElf(bytes)) return bytes;
  const compression = findCompression(bytes);
  const module = compression && (await unpack(bytes, { ...options, compression }));
  if (!module || !isElf(module)) throw damaged("one of its modules is no ELF file");
  return module;
}

async function unpack(
  bytes: Uint8Array,
  options: UnpackOptions & { compression: Compression },
): Promise<Buffer> {
  const { compression, scratch, signal } = options;
  if (compression === "gzip") return unpackHere(gunzipSync, bytes);
  if (compression === "zstd") return unpackHere(zstdDecompressSync, bytes);
  const { tool, suffix, args } = TOOLS[compression];
  const packed = `${scratch}.${suffix}`;
  await writeFile(packed, bytes, { signal });
  await run(tool, tool === "lz4" ? [...args, packed, scratch] : [...args, packed], { signal });
  return readFile(scratch, { signal });
}

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer;

function unpackHere(decompress: Decompress, bytes: Uint8Array): Buffer {
  try {
    return decompress(bytes, { maxOutputLength: OUTPUT_LIMIT_BYTES });
  } catch (error) {
    throw damaged(`it does not unpack: ${error instanceof Error ? error.message : error}`, error);
  }
}

function damaged(found: string, cause?: unknown): BandSoxError {
  return new BandSoxError(
    "invalid_argument",
    `the kernel is damaged: ${found}`,
    { field: "kernel", found },
    { cause },
  );
}
