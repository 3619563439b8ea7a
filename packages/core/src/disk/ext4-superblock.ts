import { open } from "node:fs/promises";

const SUPERBLOCK_OFFSET = 1024;
const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;
const NEEDS_RECOVERY = 0x4;
const HAS_64BIT = 0x80;
/** Offsets in the superblock, from the kernel's `fs/ext4/ext4.h`. */
const AT = {
  blocksLow: 0x4,
  logBlockSize: 0x18,
  magic: 0x38,
  incompatible: 0x60,
  blocksHigh: 0x150,
} as const;

export interface Ext4Superblock {
  /** Whether its journal holds what the file system lacks */
  readonly needsRecovery: boolean;
  /** Size of the file system, which may be less than its disk's */
  readonly sizeBytes: number;
}

/** Reads what an ext4 disk says of itself; `undefined` when it holds no ext4 file system. */
export async function readSuperblock(path: string): Promise<Ext4Superblock | undefined> {
  await using file = await open(path, "r");
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  const { bytesRead } = await file.read(block, 0, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET);
  if (bytesRead < SUPERBLOCK_BYTES || block.readUInt16LE(AT.magic) !== MAGIC) return undefined;
  const incompatible = block.readUInt32LE(AT.incompatible);
  const high = incompatible & HAS_64BIT ? block.readUInt32LE(AT.blocksHigh) : 0;
  const blocks = high * 2 ** 32 + block.readUInt32LE(AT.blocksLow);
  return {
    needsRecovery: (incompatible & NEEDS_RECOVERY) !== 0,
    sizeBytes: blocks * 2 ** (10 + (block.readUInt32LE(AT.logBlockSize) & 0xf)),
  };
}
