import { chmod, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runDoctor } from "./doctor.ts";
import { checkKvm, checkMemory } from "./doctor-host.ts";
import { checkStorage } from "./doctor-storage.ts";
import { checkHelper, checkIdentity, checkTool } from "./doctor-tools.ts";

const temporary = () => mkdtempDisposable(join(tmpdir(), "bandsox-test-"));

describe("runDoctor", () => {
  test("says VMs cannot run where nothing is set up, and how to mend each failure", async () => {
    await using dir = await temporary();
    const report = await runDoctor({ storageDir: join(dir.path, "storage"), binDir: join(dir.path, "bin") });
    expect(report.canRunVms).toBe(false);
    const failed = report.checks.filter((check) => !check.ok);
    expect(failed.map((check) => check.id)).toEqual(expect.arrayContaining(["kernel", "helper-agent"]));
    expect(failed.every((check) => check.remedy)).toBe(true);
    const required = report.checks.filter((check) => check.level === "required").map((check) => check.id);
    expect(required).toEqual(expect.arrayContaining(["mke2fs", "debugfs", "helper-image", "storage"]));
    expect(new Set(report.checks.map((check) => check.id)).size).toBe(report.checks.length);
  });
});

test("an unusable KVM is no reason not to run VMs", () => {
  expect(checkKvm({ usable: false, reason: "there is no /dev/kvm" })).toMatchObject({
    ok: false,
    level: "advised",
    found: expect.stringContaining("there is no /dev/kvm; guests are emulated (TCG)"),
  });
});

test("checkMemory reads what is available, in MiB", () => {
  expect(checkMemory("MemTotal: 9 kB\nMemAvailable:    2097152 kB\n")).toMatchObject({
    ok: true,
    found: "2048 MiB available",
  });
  expect(checkMemory("MemAvailable:    1024 kB\n").ok).toBe(false);
});

test("checkTool names the package of a missing tool", async () => {
  const check = await checkTool("no-such-tool-of-ours", { level: "required", package: "some-package" });
  expect(check).toMatchObject({ ok: false, remedy: "apt-get install some-package" });
});

test("checkHelper asks for an executable file", async () => {
  await using dir = await temporary();
  const path = join(dir.path, "bandsox-agent");
  await writeFile(path, "");
  await chmod(path, 0o644);
  expect(await checkHelper("agent", path)).toMatchObject({ ok: false, remedy: "make setup" });
  await chmod(path, 0o755);
  expect(await checkHelper("agent", path)).toMatchObject({ ok: true });
});

test("checkIdentity accepts root, and users with subordinate ids", async () => {
  const user = { uid: 1000, hasNewuidmap: true, hasSubordinateIds: true };
  expect(await checkIdentity({ ...user, uid: 0, hasNewuidmap: false })).toMatchObject({ ok: true });
  expect(await checkIdentity(user)).toMatchObject({ ok: true });
  expect(await checkIdentity({ ...user, hasNewuidmap: false })).toMatchObject({
    remedy: "apt-get install uidmap",
  });
  expect((await checkIdentity({ ...user, hasSubordinateIds: false })).remedy).toMatch(/usermod/);
});

test("checkStorage refuses a file in the way", async () => {
  await using dir = await temporary();
  await writeFile(join(dir.path, "file"), "");
  expect(await checkStorage(join(dir.path, "file", "storage"))).toMatchObject({
    ok: false,
    level: "required",
  });
  expect(await checkStorage(join(dir.path, "new", "storage"))).toMatchObject({ ok: true });
});
