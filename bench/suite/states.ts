import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { type Benchmark, type Figure, type Lab, quantile, timed } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;

/** B15: saving a running VM that has changed so much since it came up. */
export const checkpoint: Benchmark = {
  id: "B15",
  title: "checkpoint",
  async run({ bandsox, image, quick }) {
    const results: Figure[] = [];
    for (const dirtyMib of quick ? [10] : [0, 10, 100]) {
      const vm = await bandsox.createVm(image, { memMib: 256 });
      await dirty(vm, dirtyMib);
      const paused: number[] = [];
      const total: number[] = [];
      const runs = quick ? 2 : 6;
      for (let run = 0; run < runs; run++) {
        const begun = performance.now();
        const { id, pausedMs } = await vm.snapshot();
        total.push(performance.now() - begun);
        paused.push(pausedMs);
        await bandsox.snapshots.delete(id);
      }
      const difference = await differences(vm, bandsox, runs);
      await vm.delete();
      const name = `256 MiB, ${dirtyMib} MiB written in it`;
      const all = { name: "until it is on the disk, p50", value: quantile(total, 0.5) };
      const p50 = quantile(paused, 0.5);
      results.push({
        ...{ id: "B15", name: `${name}: pause, p50`, value: p50, unit: "ms", samples: paused },
        beside: { ...all, ratio: p50 / all.value },
      });
      results.push({
        ...{ id: "B15", name: `${name}: kept as a difference, until it is on the disk, p50`, unit: "ms" },
        ...{ value: difference.ms, samples: difference.samples },
        beside: { name: "kept whole, p50", value: all.value, ratio: difference.ms / all.value },
      });
      results.push({
        ...{ id: "B15", name: `${name}: memory kept as a difference`, unit: "MiB", value: difference.mib },
        beside: {
          name: "kept whole",
          value: difference.wholeMib,
          ratio: difference.mib / difference.wholeMib,
        },
      });
    }
    return results;
  },
};

/** Differences from what the VM goes on from, each by itself. */
async function differences(vm: Vm, bandsox: Lab["bandsox"], runs: number) {
  const samples: number[] = [];
  const memoryOf = async ({ id }: { id: string }) =>
    (await bandsox.snapshots.inspect(id)).sizes.memory / MEBIBYTE;
  const whole = await vm.snapshot();
  const wholeMib = await memoryOf(whole);
  await bandsox.snapshots.delete(whole.id);
  let mib = 0;
  for (let run = 0; run < runs; run++) {
    const begun = performance.now();
    const snapshot = await vm.snapshot({ diff: true });
    samples.push(performance.now() - begun);
    mib = await memoryOf(snapshot);
    await bandsox.snapshots.delete(snapshot.id);
  }
  return { ms: quantile(samples, 0.5), samples, mib, wholeMib };
}

/** Fills so much of the guest's memory, in /dev/shm. */
async function dirty(vm: Vm, mib: number): Promise<void> {
  if (mib > 0) await vm.exec(["dd", "if=/dev/urandom", "of=/dev/shm/dirty", "bs=1048576", `count=${mib}`]);
}

/** B16: copies of a running VM, and the way back of one. */
export const fork: Benchmark = {
  id: "B16",
  title: "rollback, fork-running",
  async run({ bandsox, image, quick }) {
    const results: Figure[] = [];
    const vm = await bandsox.createVm(image, { memMib: 256 });
    for (const count of quick ? [2] : [1, 4]) {
      const samples: number[] = [];
      for (let run = 0; run < (quick ? 1 : 5); run++) {
        let children: Vm[] = [];
        samples.push(
          await timed(async () => {
            const forked = await vm.fork({ count });
            children = forked.flatMap((one) => ("vm" in one ? [one.vm] : []));
          }),
        );
        if (children.length !== count) throw new Error(`${children.length} of ${count} children came up`);
        await Promise.all(children.map((child) => child.delete()));
      }
      results.push({
        id: "B16",
        name: `fork of ${count}, p50`,
        value: quantile(samples, 0.5),
        unit: "ms",
        samples,
      });
    }
    const { id } = await vm.snapshot();
    const samples: number[] = [];
    for (let run = 0; run < (quick ? 1 : 5); run++) samples.push(await timed(() => vm.rollback(id)));
    results.push({ id: "B16", name: "rollback, p50", value: quantile(samples, 0.5), unit: "ms", samples });
    await vm.delete();
    await bandsox.snapshots.delete(id);
    return results;
  },
};

/** B18: what an idle clone holds that it shares with nobody, and what of that is QEMU and not the guest. */
export const density: Benchmark = {
  id: "B18",
  title: "density",
  async run({ bandsox, image, dir, quick }) {
    const count = quick ? 3 : 24;
    const vms: Vm[] = [];
    for (let made = 0; made < count; made++) vms.push(await bandsox.createVm(image, { memMib: 256 }));
    const held = vms.map((vm) => memoryOf(join(dir, "storage/vms", vm.id)));
    const latency: number[] = [];
    for (const vm of vms) latency.push(await timed(() => vm.exec(["true"])));
    await Promise.all(vms.map((vm) => vm.delete()));
    const median = (pick: (one: Held) => number) => quantile(held.map(pick), 0.5) / MEBIBYTE;
    const guest = median((one) => one.guestBytes);
    const vmm = median((one) => one.vmmBytes);
    return [
      {
        ...{
          id: "B18",
          name: `${count} idle clones of 256 MiB: guest memory of its own, each`,
          value: guest,
          unit: "MiB",
        },
        beside: { name: "VMM and supervisor beside it", value: vmm, ratio: guest / vmm },
      },
      { id: "B18", name: "exec in each, p95", value: quantile(latency, 0.95), unit: "ms" },
    ];
  },
};

interface Held {
  /** Pages of the guest's memory that are this VM's own */
  readonly guestBytes: number;
  /** All else that is private to its processes */
  readonly vmmBytes: number;
}

function memoryOf(vmDir: string): Held {
  let [guestBytes, vmmBytes] = [0, 0];
  for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    const maps = belongsTo(pid, vmDir) ? readFileSync(`/proc/${pid}/smaps`, "utf8") : "";
    let isGuest = false;
    for (const line of maps.split("\n")) {
      if (/^[0-9a-f]+-[0-9a-f]+ /.test(line))
        isGuest = line.endsWith("/memory") || line.includes("/memory (deleted)");
      const private_ = /^Private_(?:Dirty|Clean): +(\d+) kB/.exec(line);
      if (!private_) continue;
      const bytes = Number(private_[1]) * 1024;
      // A page of the file that only this VM has mapped is the golden's still, in the page cache.
      if (!isGuest) vmmBytes += bytes;
      else if (line.startsWith("Private_Dirty")) guestBytes += bytes;
    }
  }
  return { guestBytes, vmmBytes };
}

function belongsTo(pid: string, dir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === dir;
  } catch {
    return false; // it has ended, or is the kernel's
  }
}
