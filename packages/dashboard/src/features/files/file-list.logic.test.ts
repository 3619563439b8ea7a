import { expect, test } from "vitest";
import { imageType, type ListedFile, modeText, sortFiles, viewOf } from "./file-list.logic.ts";

const file = (name: string, fields: Partial<ListedFile> = {}): ListedFile => ({
  ...{ name, path: `/${name}`, type: "file", size: 0, mode: 0, mtime: 0, is_dir: false },
  ...fields,
});

test("directories come first, whichever way the rest is sorted", () => {
  const files = [file("b", { size: 2 }), file("a", { size: 9 }), file("z", { is_dir: true })];
  const names = (options: Parameters<typeof sortFiles>[1]) =>
    sortFiles(files, options).map(({ name }) => name);
  expect(names({ sort: "name", isDescending: false })).toEqual(["z", "a", "b"]);
  expect(names({ sort: "size", isDescending: true })).toEqual(["z", "a", "b"]);
  expect(names({ sort: "size", isDescending: false })).toEqual(["z", "b", "a"]);
});

test("permission bits read as in ls", () => {
  expect(modeText(0o640)).toBe("rw-r-----");
  expect(modeText(0o755)).toBe("rwxr-xr-x");
});

test("a file is shown as what its name says", () => {
  expect(viewOf("README.MD")).toBe("markdown");
  expect(viewOf("a.png")).toBe("image");
  expect(viewOf("png")).toBe("text");
  expect(imageType("x.svg")).toBe("image/svg+xml");
});
