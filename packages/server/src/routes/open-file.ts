import { BandSoxError } from "@bandsox/contract";
import type { OpenDisks, Vm } from "bandsox";
import type { Served } from "../served.ts";
import { begun } from "./begun.ts";

export interface FileWanted {
  readonly vm: string;
  readonly path: string;
  readonly offset?: number;
  readonly length?: number;
  readonly signal: AbortSignal;
}

/** A file about to be sent, also of a VM that does not run; its size is that of what is sent. */
export async function openFile(
  { bandsox }: Served,
  { vm: reference, ...wanted }: FileWanted,
): Promise<{ size: number; bytes: AsyncIterable<Uint8Array> }> {
  const vm = await bandsox.getVm(reference);
  const { state } = await vm.info();
  if (state !== "stopped" && state !== "failed") return fromGuest(vm, wanted);
  return fromDisks(await bandsox.openVmDisks(vm.id, { signal: wanted.signal }), wanted);
}

type Part = Omit<FileWanted, "vm">;

async function fromGuest(vm: Vm, { path, signal, ...range }: Part) {
  const entry = await vm.files.stat(path, { signal });
  if (entry.type === "directory") throw isDirectory(path, vm.id);
  const size = sizeOf(entry.size, range);
  // What grew meanwhile is cut: the size was promised.
  const bytes = await begun(vm.files.readStream(path, { ...range, length: size, signal }));
  return { size, bytes };
}

async function fromDisks(disks: OpenDisks, { path, signal, ...range }: Part) {
  await using opening = new AsyncDisposableStack();
  opening.use(disks);
  const { type, size: whole } = await disks.files.stat(path);
  if (type === "directory") throw isDirectory(path);
  const size = sizeOf(whole, range);
  const wanted = part(disks.files.stream(path), { offset: range.offset ?? 0, length: size, signal });
  return { size, bytes: await begun(holding(opening.move(), wanted)) };
}

/** The disks stay open for as long as their bytes are read. */
async function* holding(
  held: AsyncDisposable,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using _held = held;
  yield* bytes;
}

function sizeOf(whole: number, { offset = 0, length }: { offset?: number; length?: number }): number {
  const left = Math.max(0, whole - offset);
  return length === undefined ? left : Math.min(left, length);
}

async function* part(
  source: AsyncIterable<Uint8Array>,
  { offset, length, signal }: { offset: number; length: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  let skip = offset;
  let left = length;
  for await (const chunk of source) {
    if (left === 0 || signal.aborted) return;
    const piece = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, left);
    skip = Math.max(0, skip - chunk.length);
    left -= piece.length;
    if (piece.length > 0) yield piece;
  }
}

function isDirectory(path: string, vmId?: string): BandSoxError {
  const details = vmId === undefined ? { path } : { path, vmId };
  return new BandSoxError("is_directory", `cannot send ${path}: it is a directory`, details);
}
