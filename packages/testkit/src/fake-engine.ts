import { access, copyFile, writeFile } from "node:fs/promises";
import { BandSoxError } from "@bandsox/contract";
import type { BootRequest, Engine, VmmExit } from "@bandsox/core/ports";
import { ownIdentity } from "@bandsox/core/ports";
import { type FakeAgent, type FakeAgentOptions, startFakeAgent } from "./fake-agent.ts";
import { FAKE_VMM_STATS } from "./fake-health.ts";

/** What can be watched and forced in a fake engine. */
export interface FakeEngine extends Engine, AsyncDisposable {
  /** Called before each boot; what it throws is how the boot fails */
  beforeBoot: (request: BootRequest) => Promise<void> | void;
  /** Ends a VMM as if it crashed. */
  crash(dir: string, exit: Partial<VmmExit>): Promise<void>;
  /** The agent double of the VM in a directory, while it runs. */
  agent(dir: string): FakeAgent | undefined;
}

interface Running {
  readonly agent: FakeAgent;
  readonly ended: PromiseWithResolvers<void>;
  /** Of its memory, in MiB */
  taken: number;
}

/** An engine without machines: each "guest" is an agent double in this process. */
export function fakeEngine(agentOptions: FakeAgentOptions = {}): FakeEngine {
  const running = new Map<string, Running>();
  const exits = new Map<string, VmmExit>();
  const end = async (dir: string, exit: Partial<VmmExit>) => {
    const vmm = running.get(dir);
    if (!vmm) return;
    running.delete(dir);
    exits.set(dir, { exitCode: 0, signal: null, requested: false, reason: "", ...exit });
    await vmm.agent[Symbol.asyncDispose]();
    vmm.ended.resolve();
  };
  const engine: FakeEngine = {
    name: "qemu",
    capabilities: { networking: [], snapshots: true, diskLimits: true, reclaim: true },
    check: () => {},
    shape: ({ vcpu, memMib }) => `shape-${vcpu}-${memMib}`,
    mappedFile: () => undefined,
    pause: async () => {},
    resume: async () => {},
    async save({ dir, layerDisk }, into) {
      if (!running.has(dir)) throw controlFailed("save", dir, "it is gone");
      try {
        await writeFile(into.memory, "memory");
        await writeFile(into.state, "state");
        if (into.layerDisk !== undefined) await copyFile(layerDisk, into.layerDisk);
      } catch (error) {
        throw controlFailed("save", dir, error);
      }
      return { pausedMs: 1 };
    },
    async measure({ dir }) {
      const vmm = running.get(dir);
      return vmm && { ...FAKE_VMM_STATS, reclaimed: { targetMib: vmm.taken, actualMib: vmm.taken } };
    },
    async reclaim({ dir }, mib) {
      const vmm = running.get(dir);
      if (!vmm) throw controlFailed("reclaim", dir, "it is gone");
      vmm.taken = mib;
    },
    beforeBoot: () => {},
    async boot(request) {
      if (request.signal?.aborted) throw new BandSoxError("interrupted", "interrupted", {});
      await engine.beforeBoot(request);
      if (request.from) await access(request.from.state);
      if (request.layerFrom) await copyFile(request.layerFrom, request.paths.layerDisk);
      const { dir, agentSocket } = request.paths;
      exits.delete(dir);
      const agent = await startFakeAgent(agentSocket, {
        ...agentOptions,
        onPowerOff: () => void end(dir, {}),
      });
      running.set(dir, { agent, ended: Promise.withResolvers<void>(), taken: 0 });
      return {
        supervisor: ownIdentity(),
        vmmMs: 1,
        guestMs: 20,
        devices: { base: "/dev/vda", layer: "/dev/vdb" },
      };
    },
    find: ({ dir }) => (running.has(dir) ? ownIdentity() : undefined),
    findTransport: ({ dir }) => (running.has(dir) ? "vsock" : undefined),
    terminate: ({ dir }) => end(dir, { requested: true, exitCode: null, signal: "SIGTERM" }),
    async waitForExit({ dir }, timeoutMs) {
      const vmm = running.get(dir);
      if (!vmm) return true;
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, timeoutMs);
      await Promise.race([vmm.ended.promise, timeout.promise]);
      clearTimeout(timer);
      return !running.has(dir);
    },
    findExit: ({ dir }) => exits.get(dir),
    crash: end,
    agent: (dir) => running.get(dir)?.agent,
    [Symbol.asyncDispose]: async () => {
      for (const dir of [...running.keys()]) await end(dir, {});
    },
  };
  return engine;
}

function controlFailed(action: string, path: string, why: unknown): BandSoxError {
  return new BandSoxError("vm_control_failed", `cannot ${action} the VM in ${path}: ${why}`, {
    action,
    path,
  });
}
