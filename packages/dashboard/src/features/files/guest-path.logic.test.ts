import { expect, test } from "vitest";
import { crumbsOf, joinPath, nameOf, parentOf, resolvePath } from "./guest-path.logic.ts";

test("paths are joined and taken apart, the root included", () => {
  expect(joinPath("/", "etc")).toBe("/etc");
  expect(joinPath("/etc", "hosts")).toBe("/etc/hosts");
  expect(parentOf("/etc/hosts")).toBe("/etc");
  expect(parentOf("/etc")).toBe("/");
  expect(parentOf("/")).toBe("/");
  expect(nameOf("/etc/hosts/")).toBe("hosts");
});

test("a link in a document is meant from where the document is", () => {
  expect(resolvePath("/srv/docs", "../img/./a.png")).toBe("/srv/img/a.png");
  expect(resolvePath("/srv", "/etc")).toBe("/etc");
  expect(resolvePath("/", "../../..")).toBe("/");
});

test("each directory on the way can be gone to", () => {
  expect(crumbsOf("/var/log").map(({ path }) => path)).toEqual(["/", "/var", "/var/log"]);
});
