import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultStorageDir } from "./paths.ts";

const own = join(homedir(), ".local/share/bandsox");

test.for([
  ["a user's data directory", { XDG_DATA_HOME: "/data" }, "/data/bandsox"],
  ["an empty one", { XDG_DATA_HOME: "" }, own],
  ["a relative one, which its specification forbids", { XDG_DATA_HOME: "data" }, own],
  ["none", {}, own],
  ["a storage that is named", { BANDSOX_STORAGE: "/s", XDG_DATA_HOME: "/data" }, "/s"],
] as const)("the default storage with %s", ([, env, dir]) => {
  expect(defaultStorageDir(env, 1000)).toBe(dir);
});
