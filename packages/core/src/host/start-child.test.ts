import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { afterEach, expect, test, vi } from "vitest";
import { tiedToUs } from "./start-child.ts";

afterEach(() => vi.unstubAllEnvs());

async function toolsIn(dir: string, ...names: string[]): Promise<void> {
  for (const name of names) await writeFile(join(dir, name), "", { mode: 0o755 });
  vi.stubEnv("PATH", dir);
}

test("a tool is tied to us by setpriv", async () => {
  await using directory = await temporaryDirectory();
  await toolsIn(directory.path, "setpriv", "tool-of-ours");
  const [file, args] = tiedToUs("tool-of-ours", ["-a", "b"]);
  expect(file).toBe(join(directory.path, "setpriv"));
  expect(args).toEqual(["--pdeathsig", "TERM", "--", join(directory.path, "tool-of-ours"), "-a", "b"]);
});

test("busybox's setpriv cannot, and one that is missing is named as it is", async () => {
  await using directory = await temporaryDirectory();
  await toolsIn(directory.path, "busybox", "tool-of-ours");
  await symlink("busybox", join(directory.path, "setpriv"));
  expect(tiedToUs("tool-of-ours", ["-a"])).toEqual(["tool-of-ours", ["-a"]]);
  expect(tiedToUs("no-such-tool-of-ours", ["-a"])).toEqual(["no-such-tool-of-ours", ["-a"]]);
});
