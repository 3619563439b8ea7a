import type { BandSox } from "bandsox";
import type { System } from "./system.ts";

const IMAGE = "localhost/bench:1";

/** Ours: booted for each machine as theirs are, or going on from a golden. */
export function ours(bandsox: BandSox, version: string, boot: "cold" | "golden"): System {
  return {
    name: boot === "cold" ? "bandsox, booted" : "bandsox",
    version,
    async create(rootDir) {
      // As a registry's image is once it has been pulled; a directory would be read again for each VM.
      if (!(await bandsox.images.list()).some(({ references }) => references.includes(IMAGE)))
        await bandsox.images.import(`dir:${rootDir}`, IMAGE);
      const vm = await bandsox.createVm(IMAGE, { memMib: 512, boot, networking: false });
      return {
        run: async (argv) => (await vm.exec([...argv])).stdout,
        upload: async (from, to) => void (await vm.files.uploadFile(from, to)),
        download: async (from, to) => void (await vm.files.downloadFile(from, to)),
        remove: () => vm.delete(),
      };
    },
  };
}
