import { expect, test } from "vitest";
import { permissions } from "./file-listing.ts";

test.for([
  ["file", 0o755, "-rwxr-xr-x"],
  ["directory", 0o1777, "drwxrwxrwt"],
  ["file", 0o4755, "-rwsr-xr-x"],
  ["file", 0o2644, "-rw-r-Sr--"],
  ["device", 0, "c---------"],
] as const)("%s %o is %s", ([type, mode, text]) => expect(permissions({ type, mode })).toBe(text));
