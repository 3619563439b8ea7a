import { stat } from "node:fs/promises";
import { basename, join, posix, resolve } from "node:path";
import { BandSoxError, isBandSoxError, type TreeResult } from "@bandsox/contract";
import type { UploadTreeOptions, VmFiles } from "bandsox";
import type { Location } from "../args/location.ts";
import type { CliContext } from "../context.ts";

type GuestLocation = Location & { kind: "guest" };
type OtherLocation = Exclude<Location, GuestLocation>;
type Skipped = TreeResult["skipped"];

/** How `cp` copies; the options of trees count for directories only. */
export type CopyOptions = Pick<
  UploadTreeOptions,
  "include" | "exclude" | "keepOwner" | "onProgress" | "signal"
>;

/** Copies out of a VM. @returns what was left out */
export async function fromGuest(
  context: CliContext,
  files: VmFiles,
  { from, to }: { from: GuestLocation; to: OtherLocation },
  options: CopyOptions,
): Promise<Skipped> {
  if (to.kind === "stream") {
    if (context.stdout.isTty) throw onTerminal("write a tar to", "stdout");
    for await (const data of files.archive(from.path, options)) await context.stdout.write(data);
    return [];
  }
  const { type } = await files.stat(from.path, { signal: options.signal });
  const existing = await hostType(to.path);
  // The name is the one that was typed: what the guest calls its files decides nothing on this host.
  const inside = join(to.path, basename(from.path));
  if (type !== "directory") {
    demandDirectory(to.path, existing);
    await files.downloadFile(from.path, existing === "directory" ? inside : to.path, options);
    return [];
  }
  const target = existing === "directory" && !from.contents ? inside : to.path;
  return (await files.downloadTree(from.path, target, options)).skipped;
}

/** Copies into a VM. @returns what was left out */
export async function toGuest(
  context: CliContext,
  files: VmFiles,
  { from, to }: { from: OtherLocation; to: GuestLocation },
  options: CopyOptions,
): Promise<Skipped> {
  if (from.kind === "stream") {
    if (context.stdin.isTty) throw onTerminal("read a tar from", "stdin");
    return (await files.extract(to.path, context.stdin.open(), options)).skipped;
  }
  const existing = await guestType(files, to.path, options.signal);
  const inside = posix.join(to.path, basename(resolve(from.path)));
  if ((await hostType(from.path)) !== "directory") {
    await files.uploadFile(from.path, existing === "directory" ? inside : to.path, options);
    return [];
  }
  const target = existing === "directory" && !from.contents ? inside : to.path;
  return (await files.uploadTree(from.path, target, options)).skipped;
}

async function hostType(path: string): Promise<"directory" | "other" | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() ? "directory" : "other";
}

async function guestType(
  files: VmFiles,
  path: string,
  signal: AbortSignal | undefined,
): Promise<"directory" | "other" | undefined> {
  try {
    return (await files.stat(path, { signal })).type === "directory" ? "directory" : "other";
  } catch (error) {
    if (isBandSoxError(error, "file_not_found")) return undefined;
    throw error;
  }
}

/** A slash at the end says that a directory is meant. */
function demandDirectory(path: string, existing: "directory" | "other" | undefined): void {
  if (!path.endsWith("/") || existing === "directory") return;
  throw new BandSoxError("not_directory", `cannot copy into ${path}: there is no such directory`, { path });
}

function onTerminal(what: string, name: "stdin" | "stdout"): BandSoxError {
  const message = `cannot ${what} a terminal: send ${name} through a pipe or to a file`;
  return new BandSoxError("invalid_argument", message, { field: name, found: "a terminal" });
}
