import { existsSync } from "node:fs";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listCpio } from "./cpio-listing.ts";
import { distributionKernel } from "./distribution-kernel.ts";
import { ensureBootFiles } from "./ensure-boot-files.ts";
import { isArm64Image, isElf } from "./kernel-image.ts";
import { ARCHITECTURES } from "./kernel-source.ts";

const architecture = Object.entries(ARCHITECTURES).find(([name]) => name === process.arch)?.[1];
const lacking = ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].filter((tool) => !existsSync(tool));
if (lacking.length > 0)
  process.stderr.write(`skipped: init from the distribution's kernel: no ${lacking.join(", ")}\n`);

describe.skipIf(lacking.length > 0 || !architecture)(
  "ensureBootFiles with the distribution's kernel package",
  () => {
    test("unpacks the kernel and builds an initramfs its modules load from in order", async () => {
      await using temporary = await mkdtempDisposable(join(tmpdir(), "bandsox-test-"));
      const agentPath = join(temporary.path, "agent");
      await writeFile(agentPath, "agent");
      const sources = architecture ? [distributionKernel(architecture)] : [];
      const files = await ensureBootFiles({
        storageDir: join(temporary.path, "storage"),
        agentPath,
        sources,
      });

      const vmlinux = await readFile(files.vmlinuxPath);
      expect(isElf(vmlinux) || isArm64Image(vmlinux)).toBe(true);
      expect(files.kernelRelease).toMatch(/^\d+\.\d+/);

      const entries = listCpio(await readFile(files.initramfsPath));
      const order = Buffer.from(
        entries.find((entry) => entry.path === "modules/order")?.content ?? [],
      ).toString();
      const names = order.split("\n").filter(Boolean);
      expect(entries.map((entry) => entry.path)).toEqual(
        expect.arrayContaining(["init", ...names.map((name) => `modules/${name}`)]),
      );
      for (const name of names)
        expect(isElf(entries.find((entry) => entry.path === `modules/${name}`)!.content)).toBe(true);
    });
  },
);
