import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { BandSox, Vm } from "bandsox";
import { type Benchmark, type Figure, type Lab, quantile, timed } from "../figure.ts";

const SHAPE = { memMib: 256 } as const;

/** Until the first output of a first command has arrived, in ms; the VM is deleted afterwards, outside of the time. */
async function firstOutput(make: () => Promise<Vm>): Promise<number> {
  let made: Vm | undefined;
  const begun = performance.now();
  try {
    made = await make();
    let outputMs: number | undefined;
    for await (const event of made.execStream(["echo", "ok"]))
      if (event.type === "stdout") outputMs ??= performance.now() - begun;
    if (outputMs === undefined) throw new Error("the first command said nothing");
    return outputMs;
  } finally {
    await made?.delete();
  }
}

async function several(count: number, make: () => Promise<Vm>): Promise<number[]> {
  await firstOutput(make); // takes the goldens, fills the page cache
  const samples: number[] = [];
  for (let run = 0; run < count; run++) samples.push(await firstOutput(make));
  return samples;
}

/** The bare VMM and its guest, without anything of ours but the agent: what bounds a clone. */
async function bareRestore(bandsox: BandSox, image: string, count: number): Promise<number> {
  const samples: number[] = [];
  for (let run = 0; run < count; run++) {
    let spent = 0;
    const onStage = (stage: string, ms: number) => {
      if (stage === "vmm" || stage === "restore") spent += ms;
    };
    await (await bandsox.createVm(image, { ...SHAPE, onStage })).delete();
    samples.push(spent);
  }
  return quantile(samples, 0.5);
}

function figures(
  id: string,
  name: string,
  samples: readonly number[],
  beside?: { name: string; value: number },
): Figure[] {
  const p50 = quantile(samples, 0.5);
  const bound = beside ? { beside: { ...beside, ratio: p50 / beside.value } } : {};
  return [
    { id, name: `${name}, p50`, value: p50, unit: "ms", samples, ...bound },
    { id, name: `${name}, p95`, value: quantile(samples, 0.95), unit: "ms" },
  ];
}

/** B01, B02, B04: from asking for a VM to the output of its first command: taken, restored, booted. */
export const firstCommand: Benchmark = {
  id: "B02",
  title: "tti-clone (golden, snapshot), tti-cold, tti-warm",
  async run({ bandsox, image, quick }: Lab) {
    const count = quick ? 3 : 15;
    const golden = await several(count, () => bandsox.createVm(image, SHAPE));
    const bound = await bareRestore(bandsox, image, quick ? 2 : 5);
    const source = await bandsox.createVm(image, SHAPE);
    const { id } = await source.snapshot();
    await source.delete();
    const restored = await several(count, () => bandsox.snapshots.restore(id));
    await bandsox.snapshots.delete(id);
    const cold = await several(quick ? 1 : 4, () => bandsox.createVm(image, { ...SHAPE, boot: "cold" }));
    const coldP50 = quantile(cold, 0.5);
    const beside = { name: "VMM start and restore", value: bound };
    return [
      ...figures("B02", "golden create to first output", golden, beside),
      ...figures("B02", "snapshot restore to first output", restored, beside),
      ...figures("B04", "cold boot to first output", cold),
      times("B04", "cold boot ÷ golden create", { value: coldP50, by: quantile(golden, 0.5) }),
      times("B04", "cold boot ÷ snapshot restore", { value: coldP50, by: quantile(restored, 0.5) }),
      ...(await warm({ bandsox, image, count: quick ? 2 : 10 })),
    ];
  },
};

function times(id: string, name: string, { value, by }: { value: number; by: number }): Figure {
  return { id, name, value: value / by, unit: "×" };
}

/** Taken from a pool that is full each time; what filling it costs stands beside. */
async function warm({ bandsox, image, count }: { bandsox: BandSox; image: string; count: number }) {
  const shape = { image, memMib: 192 };
  await bandsox.pools.set({ ...shape, size: 1 });
  const samples: number[] = [];
  for (let run = 0; run < count; run++) {
    samples.push(await firstOutput(() => bandsox.createVm(image, { memMib: 192 })));
    await bandsox.pools.fill();
  }
  const [pool] = await bandsox.pools.list();
  await bandsox.pools.remove(image);
  if (pool?.hits !== count) throw new Error(`${pool?.hits} of ${count} VMs came from the pool`);
  return figures("B01", "taken from a pool to first output", samples, {
    name: "making one for the pool, mean",
    value: pool.refillMs,
  });
}

/** B07: many at once, each runs a command. */
export const burst: Benchmark = {
  id: "B07",
  title: "burst",
  async run({ bandsox, image, quick }) {
    const results: Figure[] = [];
    for (const count of quick ? [4] : [8, 16]) {
      const made: Vm[] = [];
      const one = async () => {
        const begun = performance.now();
        const vm = await bandsox.createVm(image, { memMib: 128 });
        made.push(vm);
        await vm.exec(["true"]);
        return performance.now() - begun;
      };
      await firstOutput(() => bandsox.createVm(image, { memMib: 128 }));
      let samples: number[] = [];
      const wall = await timed(async () => {
        samples = await Promise.all(Array.from({ length: count }, one));
      });
      await Promise.all(made.map((vm) => vm.delete()));
      const rate = { id: "B07", name: `${count} at once`, value: count / (wall / 1000), unit: "VM/s" };
      results.push(rate, {
        id: "B07",
        name: `${count} at once, p95`,
        value: quantile(samples, 0.95),
        unit: "ms",
      });
    }
    return results;
  },
};

/** B08: create, exec, delete without a break, and what is left behind. */
export const sustained: Benchmark = {
  id: "B08",
  title: "sustained",
  async run({ bandsox, image, dir, quick }) {
    const cycles = quick ? 5 : 60;
    const before = (await bandsox.listVms()).length;
    const leaksBefore = countOwned(dir);
    const wall = await timed(async () => {
      for (let run = 0; run < cycles; run++)
        await firstOutput(() => bandsox.createVm(image, { memMib: 128 }));
    });
    const left = (await bandsox.listVms()).length - before + countOwned(dir) - leaksBefore;
    return [
      {
        id: "B08",
        name: `${cycles} cycles, one after the other`,
        value: cycles / (wall / 1000),
        unit: "cycles/s",
      },
      { id: "B08", name: "VMs, processes and mounts left behind", value: left, unit: "" },
    ];
  },
};

/** B23: what ending and finding VMs costs. */
export const lifecycleCost: Benchmark = {
  id: "B23",
  title: "lifecycle cost",
  async run({ bandsox, image, reopen, quick }) {
    const count = quick ? 3 : 12;
    const vms: Vm[] = [];
    for (let made = 0; made < count; made++) vms.push(await bandsox.createVm(image, { memMib: 128 }));
    const adopt = await timed(async () => {
      await using other = reopen();
      if ((await other.listVms()).length < count) throw new Error("not all VMs were found");
    });
    const samples: number[] = [];
    for (const vm of vms) samples.push(await timed(() => vm.delete()));
    return [
      { id: "B23", name: `opening a storage with ${count} running VMs`, value: adopt, unit: "ms" },
      ...figures("B23", "deleting a running VM", samples),
    ];
  },
};

/** Processes that run below a directory, and mounts there. */
function countOwned(dir: string): number {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(dir)).length;
  const processes = readdirSync("/proc").filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(dir);
    } catch {
      return false; // it has ended, or is the kernel's
    }
  }).length;
  return mounts + processes;
}
