import { describe } from "vitest";
import { engineContract } from "./engine-contract.ts";
import { fakeEngine } from "./fake-engine.ts";

describe("the fake engine", () => {
  engineContract(async () => {
    const engine = fakeEngine();
    const nothing = { vcpu: 1, memMib: 128, vmlinuxPath: "", initramfsPath: "", baseDisk: "", layerDisk: "" };
    return {
      engine,
      machine: async () => nothing,
      [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
    };
  });
});
