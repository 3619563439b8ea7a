import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "vitest";
import { engineContract } from "./engine-contract.ts";
import { fakeEngine } from "./fake-engine.ts";

describe("the fake engine", () => {
  engineContract(async () => {
    const engine = fakeEngine();
    const nothing = { vcpu: 1, memMib: 128, vmlinuxPath: "", initramfsPath: "", baseDisk: "" };
    return {
      engine,
      machine: async (dir) => {
        const layerDisk = join(dir, "layer.ext4");
        await writeFile(layerDisk, "layer");
        return { ...nothing, layerDisk };
      },
      [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
    };
  });
});
