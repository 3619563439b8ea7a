import { posix } from "node:path";

/** Where files are, as `cp` is told: in a VM, on this host, or in a tar on stdin or stdout. */
export type Location =
  | { readonly kind: "guest"; readonly vm: string; readonly path: string; readonly contents: boolean }
  | { readonly kind: "host"; readonly path: string; readonly contents: boolean }
  | { readonly kind: "stream" };

/**
 * `vm:path`, `path` or `-`. A path of this host with a colon in it is written with a slash before the colon, as in
 * `./a:b`. A path in a VM is taken from its root. `contents` is whether it ends in `/.`: what is in the directory,
 * not the directory.
 */
export function parseLocation(text: string): Location {
  if (text === "-") return { kind: "stream" };
  const match = /^([^/:]+):(.*)$/s.exec(text);
  if (!match) return { kind: "host", path: text, contents: hasContentsMark(text) };
  return { kind: "guest", ...guestPath(match[1] ?? "", match[2] ?? "") };
}

/** `vm:path`. @throws {RangeError} */
export function parseGuestLocation(text: string): Location & { kind: "guest" } {
  const location = parseLocation(text);
  if (location.kind !== "guest") throw new RangeError("it is not of the form vm:path");
  return location;
}

function guestPath(vm: string, path: string) {
  return { vm, path: posix.resolve("/", path), contents: hasContentsMark(path) };
}

function hasContentsMark(path: string): boolean {
  return path === "." || path.endsWith("/.");
}
