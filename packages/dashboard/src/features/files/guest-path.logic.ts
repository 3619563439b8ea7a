/** The path of something in a directory. */
export function joinPath(dir: string, name: string): string {
  return dir.endsWith("/") ? `${dir}${name}` : `${dir}/${name}`;
}

/** The directory something is in; that of the root is the root. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const at = trimmed.lastIndexOf("/");
  return at <= 0 ? "/" : trimmed.slice(0, at);
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) || "/";
}

/** A path with `.`, `..` and empty parts resolved against a directory, as text alone: links are not followed. */
export function resolvePath(dir: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : joinPath(dir, path)).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The directories on the way to a path, the root first. */
export function crumbsOf(path: string): { readonly name: string; readonly path: string }[] {
  const parts = path.split("/").filter(Boolean);
  return [
    { name: "/", path: "/" },
    ...parts.map((name, index) => ({ name, path: `/${parts.slice(0, index + 1).join("/")}` })),
  ];
}
