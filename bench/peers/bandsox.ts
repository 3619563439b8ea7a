import type { BandSox } from "bandsox";
import type { System } from "./system.ts";

/** Ours: booted for each machine as theirs are, or going on from a golden. */
export function ours(bandsox: BandSox, version: string, boot: "cold" | "golden"): System {
  return {
    name: boot === "cold" ? "bandsox, booted" : "bandsox",
    version,
    async create(rootDir) {
      const vm = await bandsox.createVm(`dir:${rootDir}`, { memMib: 512, boot, networking: false });
      return {
        run: async (argv) => (await vm.exec([...argv])).stdout,
        upload: async (from, to) => void (await vm.files.uploadFile(from, to)),
        download: async (from, to) => void (await vm.files.downloadFile(from, to)),
        remove: () => vm.delete(),
      };
    },
  };
}
