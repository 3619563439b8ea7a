import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { findTool } from "../../host/find-tool.ts";
import { findProcessIdentity, isAlive } from "../../host/process-identity.ts";
import { inOwnNamespaces } from "./own-namespaces.ts";

const unshare = findTool("unshare");
const isRoot = process.getuid?.() === 0;
if (!unshare || !isRoot) process.stderr.write("skipped: namespaces of a VMM's own need root and unshare\n");

describe.skipIf(!unshare || !isRoot)("a program in namespaces of its own", () => {
  const run = async (options: Omit<Parameters<typeof inOwnNamespaces>[0], "unshare">) => {
    const [file = "", ...args] = inOwnNamespaces({ unshare: unshare ?? "", ...options });
    return execa(file, args, { reject: false });
  };

  test("sees what is bound, and nobody else does", async () => {
    await using directory = await temporaryDirectory();
    const [source, target] = [join(directory.path, "of a VM"), join(directory.path, "bsx")];
    await mkdir(source);
    await mkdir(target);
    const argv = ["sh", "-c", `echo bound > '${target}/file'`];
    for (const tied of [false, true])
      expect(await run({ argv, binds: [{ source, target }], tied })).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(source, "file"), "utf8")).toBe("bound\n");
    await expect(readFile(join(target, "file"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readFile("/proc/mounts", "utf8")).not.toContain(target);
  });

  test("is not run where something cannot be bound", async () => {
    const binds = [{ source: "/nowhere", target: "/nowhere" }];
    expect(await run({ argv: ["true"], binds, tied: false })).toMatchObject({ exitCode: 1 });
  });

  test("ends with its own exit code", async () => {
    expect(await run({ argv: ["sh", "-c", "exit 7"], binds: [], tied: true })).toMatchObject({ exitCode: 7 });
  });

  test.skipIf(!findTool("setpriv"))("that is tied ends even when it has become another user", async () => {
    const become = ["setpriv", "--reuid", "1879048193", "--clear-groups", "--"];
    const [file = "", ...args] = inOwnNamespaces({
      unshare: unshare ?? "",
      ...{ argv: [...become, "sleep", "1000.25"], binds: [], tied: true },
    });
    const outer = execa(file, args, { reject: false });
    const sleeper = async () =>
      (await execa("pgrep", ["-f", "^sleep 1000.25"], { reject: false })).stdout.trim();
    await expect.poll(sleeper, { timeout: 10_000 }).toMatch(/^\d+$/);
    const identity = findProcessIdentity(Number(await sleeper()));
    expect(identity).toBeDefined();
    outer.kill("SIGKILL");
    await outer;
    await expect.poll(() => identity && isAlive(identity), { timeout: 10_000 }).toBe(false);
  });
});
