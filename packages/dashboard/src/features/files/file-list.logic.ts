/** One entry of a directory, as the server lists it. */
export interface ListedFile {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
  readonly is_dir: boolean;
  readonly target?: string | undefined;
}

export type FileSort = "name" | "size" | "mtime";

/** Entries as they are shown: directories first, then as chosen. */
export function sortFiles(
  files: readonly ListedFile[],
  { sort, isDescending }: { readonly sort: FileSort; readonly isDescending: boolean },
): ListedFile[] {
  const direction = isDescending ? -1 : 1;
  const order = (a: ListedFile, b: ListedFile) =>
    sort === "name" ? a.name.localeCompare(b.name) : a[sort] - b[sort];
  return files.toSorted((a, b) =>
    a.is_dir === b.is_dir
      ? direction * order(a, b) || a.name.localeCompare(b.name)
      : Number(b.is_dir) - Number(a.is_dir),
  );
}

/** Permission bits as `ls` shows them. */
export function modeText(mode: number): string {
  const bits = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];
  return [6, 3, 0].map((shift) => bits[(mode >> shift) & 7]).join("");
}

/** What a file is shown as, by its name. */
export type FileView = "image" | "markdown" | "text";

const IMAGES: Record<string, string> = {
  ...{ png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  ...{ avif: "image/avif", bmp: "image/bmp", ico: "image/x-icon", svg: "image/svg+xml" },
};

/** The media type of an image, by its name; absent when it is none. */
export function imageType(name: string): string | undefined {
  return IMAGES[extensionOf(name)];
}

export function viewOf(name: string): FileView {
  if (imageType(name)) return "image";
  return ["md", "markdown", "mdown", "mkd"].includes(extensionOf(name)) ? "markdown" : "text";
}

function extensionOf(name: string): string {
  return name.includes(".") ? (name.split(".").at(-1) ?? "").toLowerCase() : "";
}
