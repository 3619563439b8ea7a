import { mkdir, mkdtempDisposable, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { describe, expect, test } from "vitest";
import { readBootFiles } from "./boot-files.ts";
import { listCpio } from "./cpio-listing.ts";
import { ensureBootFiles } from "./ensure-boot-files.ts";
import type { KernelSource } from "./kernel-source.ts";

const DEAD_PID = 2 ** 30;

async function machine() {
  const temporary = await mkdtempDisposable(join(tmpdir(), "bandsox-test-"));
  const storageDir = join(temporary.path, "storage");
  const agentPath = join(temporary.path, "agent");
  await writeFile(agentPath, "agent 1");
  return {
    dir: temporary.path,
    storageDir,
    agentPath,
    kernelDir: join(storageDir, "kernel"),
    [Symbol.asyncDispose]: () => temporary.remove(),
  };
}

function kernelBytes(release: string): Buffer {
  const elf = Buffer.alloc(64);
  elf.write("\x7fELF", 0, "latin1");
  elf.writeUInt16LE(process.arch === "arm64" ? 183 : 62, 0x12);
  return Buffer.concat([elf, Buffer.from(`Linux version ${release} (us) #1`)]);
}

function sourceOf(release: string): KernelSource & { asked: number } {
  return {
    name: `source of ${release}`,
    asked: 0,
    async obtain({ dir }) {
      this.asked += 1;
      const imagePath = join(dir, "image");
      await writeFile(imagePath, kernelBytes(release));
      return { imagePath, origin: { kind: "distribution", location: release } };
    },
  };
}
const unreachable: KernelSource = {
  name: "far away",
  obtain: () => Promise.reject(new BandSoxError("kernel_unavailable", "no route", { sources: [] })),
};

async function initOf(path: string): Promise<string> {
  const entry = listCpio(await readFile(path)).find((listed) => listed.path === "init");
  return Buffer.from(entry?.content ?? []).toString();
}

describe("ensureBootFiles", () => {
  test("takes the first kernel that can be had and tells each attempt", async () => {
    await using host = await machine();
    const told: string[] = [];
    const files = await ensureBootFiles({
      ...host,
      sources: [unreachable, sourceOf("6.1.1")],
      onProgress: ({ state, text }) => void told.push(`${state}: ${text}`),
    });
    expect(files.kernelRelease).toBe("6.1.1");
    expect(await readFile(files.vmlinuxPath)).toEqual(kernelBytes("6.1.1"));
    expect(await initOf(files.initramfsPath)).toBe("agent 1");
    expect(told).toEqual(
      expect.arrayContaining(["failed: far away: no route", "started: trying source of 6.1.1"]),
    );
    expect(await readBootFiles(host.storageDir)).toEqual(files);
  });

  test("reuses what it made", async () => {
    await using host = await machine();
    const source = sourceOf("6.1.1");
    const first = await ensureBootFiles({ ...host, sources: [source] });
    expect(await ensureBootFiles({ ...host, sources: [source] })).toEqual(first);
    expect(source.asked).toBe(1);
  });

  test("rebuilds only the initramfs for another agent", async () => {
    await using host = await machine();
    const source = sourceOf("6.1.1");
    const first = await ensureBootFiles({ ...host, sources: [source] });
    await writeFile(host.agentPath, "agent 2");
    const second = await ensureBootFiles({ ...host, sources: [source] });
    expect(source.asked).toBe(1);
    expect(second.vmlinuxPath).toBe(first.vmlinuxPath);
    expect(await initOf(second.initramfsPath)).toBe("agent 2");
    expect(second.digest).not.toBe(first.digest);
    expect(await initOf(first.initramfsPath)).toBe("agent 1");
  });

  test.for(["vmlinux", "initramfs", "modules", "manifest.json"])("mends a damaged %s", async (name) => {
    await using host = await machine();
    const first = await ensureBootFiles({ ...host, sources: [sourceOf("6.1.1")] });
    const kernel = join(first.vmlinuxPath, "..");
    for (const file of await readdir(kernel)) {
      if (file === "modules" && name === "modules") await rm(join(kernel, file), { recursive: true });
      else if (file.startsWith(name)) await writeFile(join(kernel, file), "damaged");
    }
    expect(await ensureBootFiles({ ...host, sources: [sourceOf("6.1.1")] })).toMatchObject({
      digest: first.digest,
    });
    expect(await readFile(first.vmlinuxPath)).toEqual(kernelBytes("6.1.1"));
    expect(await initOf(first.initramfsPath)).toBe("agent 1");
  });

  test("uses the kernel that is named, and no other", async () => {
    await using host = await machine();
    const url = join(host.dir, "vmlinux");
    await writeFile(url, kernelBytes("6.1.7"));
    await ensureBootFiles({ ...host, sources: [sourceOf("6.1.1")] });
    expect(await ensureBootFiles({ ...host, kernel: { url } })).toMatchObject({ kernelRelease: "6.1.7" });
    await expect(ensureBootFiles({ ...host, kernel: { url: `${url}.gone` } })).rejects.toMatchObject({
      code: "kernel_unavailable",
    });
    expect(await readBootFiles(host.storageDir)).toMatchObject({ kernelRelease: "6.1.7" });
  });

  test("names every source when none has a kernel, and leaves nothing behind", async () => {
    await using host = await machine();
    const sources = [unreachable, { ...unreachable, name: "nowhere" }];
    await expect(ensureBootFiles({ ...host, sources })).rejects.toMatchObject({
      code: "kernel_unavailable",
      details: { sources: ["far away: no route", "nowhere: no route"] },
    });
    expect(await readdir(host.kernelDir)).toEqual([]);
  });

  test("removes what an interrupted run left, and not what a running one works on", async () => {
    await using host = await machine();
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const left = `.staging-${DEAD_PID}_1_${boot.trim()}_abcdef`;
    await mkdir(join(host.kernelDir, left), { recursive: true });
    let whileRunning: string[] = [];
    const source: KernelSource = {
      name: "slow",
      async obtain(options) {
        await ensureBootFiles({ ...host, sources: [sourceOf("6.1.2")] });
        whileRunning = await readdir(host.kernelDir);
        return sourceOf("6.1.1").obtain(options);
      },
    };
    expect(await ensureBootFiles({ ...host, sources: [source] })).toMatchObject({ kernelRelease: "6.1.1" });
    expect(whileRunning).not.toContain(left);
    expect(whileRunning.filter((name) => name.startsWith(".staging-"))).toHaveLength(1);
  });

  test("runs many times at once without a clash", async () => {
    await using host = await machine();
    const runs = Array.from({ length: 8 }, () => ensureBootFiles({ ...host, sources: [sourceOf("6.1.1")] }));
    expect(new Set((await Promise.all(runs)).map((files) => files.digest)).size).toBe(1);
    expect((await readdir(host.kernelDir)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("keeps nothing of an interrupted run", async () => {
    await using host = await machine();
    const controller = new AbortController();
    const source: KernelSource = {
      name: "interrupted",
      obtain(options) {
        controller.abort();
        return sourceOf("6.1.1").obtain(options);
      },
    };
    const run = ensureBootFiles({ ...host, sources: [source], signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: "interrupted" });
    expect(await readdir(host.kernelDir)).toEqual([]);
  });

  test("says when the storage cannot be written, and when the agent is not built", async () => {
    await using host = await machine();
    const options = { ...host, sources: [sourceOf("6.1.1")] };
    await symlink("/proc/version", host.storageDir);
    await expect(ensureBootFiles(options)).rejects.toMatchObject({ code: "storage_unavailable" });
    await expect(ensureBootFiles({ ...options, agentPath: "/nonexistent" })).rejects.toMatchObject({
      code: "tool_missing",
    });
  });
});

describe("readBootFiles", () => {
  test("says when nothing is set up, or a file is gone", async () => {
    await using host = await machine();
    await expect(readBootFiles(host.storageDir)).rejects.toMatchObject({ code: "kernel_missing" });
    const files = await ensureBootFiles({ ...host, sources: [sourceOf("6.1.1")] });
    await rm(files.initramfsPath);
    await expect(readBootFiles(host.storageDir)).rejects.toMatchObject({ code: "kernel_missing" });
  });
});
