import { stat } from "node:fs/promises";
import { join } from "node:path";
import { defaultBinDir } from "@bandsox/core";
import { hello } from "../bare-channel.ts";
import { type Benchmark, latency } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;

/** B27: what each guest carries: the agent's size, its memory at rest, and how long it takes until it answers. */
export const agent: Benchmark = {
  id: "B27",
  title: "the agent",
  async run({ bandsox, image, storageDir, quick }) {
    const { size } = await stat(join(defaultBinDir(process.env), "bandsox-agent"));
    const ready: number[] = [];
    let resident = 0;
    for (let run = 0; run < (quick ? 1 : 5); run++) {
      const vm = await bandsox.createVm(image, { memMib: 128, boot: "cold" });
      const { agentStartMs, agentReadyMs } = await hello(`${storageDir}/vms/${vm.id}/agent.sock`);
      ready.push(agentReadyMs - agentStartMs);
      const { stdout } = await vm.exec(["cat", "/proc/1/status"]);
      resident = Number(/^VmRSS:\s*(\d+) kB$/m.exec(stdout)?.[1]) / 1024;
      await vm.delete();
    }
    return [
      { id: "B27", name: "binary", value: size / MEBIBYTE, unit: "MiB" },
      { id: "B27", name: "resident after a first command", value: resident, unit: "MiB" },
      ...latency("B27", "ready after its program began, booted", ready),
    ];
  },
};
