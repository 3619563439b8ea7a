import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pump } from "../bare-channel.ts";
import { type Benchmark, type Figure, type Lab, quantile, rate, timed } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

/** B13: one file in and out, compared with the bare channel and by checksum; medians of alternating runs. */
export const files: Benchmark = {
  id: "B13",
  title: "upload / download",
  async run(lab) {
    const figures: Figure[] = [];
    for (const size of lab.quick ? [4096, MEBIBYTE] : [4096, MEBIBYTE, 64 * MEBIBYTE]) {
      const runs: Speeds[] = [];
      await bothWays(lab, size); // the first run warms caches, and an emulator's translations
      for (let run = 0; run < (lab.quick ? 1 : 5); run++) runs.push(await bothWays(lab, size));
      const median = (of: keyof Speeds) =>
        quantile(
          runs.map((run) => run[of]),
          0.5,
        );
      const name = size < MEBIBYTE ? `${size / 1024} KiB` : `${size / MEBIBYTE} MiB`;
      for (const [way, pumped] of [["up", "pumpUp"] as const, ["down", "pumpDown"] as const]) {
        const bare = beside("bare pump", median(pumped), median(way));
        figures.push({ ...throughput(`${name} ${way}`, median(way)), beside: bare });
      }
    }
    return figures;
  },
};

/** MiB/s of one file and of the bare channel, each way. */
interface Speeds {
  readonly up: number;
  readonly down: number;
  readonly pumpUp: number;
  readonly pumpDown: number;
}

async function bothWays({ vm, agentSocket, dir }: Lab, size: number): Promise<Speeds> {
  const [here, back] = [join(dir, "upload"), join(dir, "download")];
  const content = randomBytes(size);
  await writeFile(here, content);
  const pumpUp = await pump(agentSocket, "guest", size);
  const up = rate(size, await timed(() => vm.files.uploadFile(here, "/bench-file")));
  const pumpDown = await pump(agentSocket, "host", size);
  const down = rate(size, await timed(() => vm.files.downloadFile("/bench-file", back)));
  if (md5(await readFile(back)) !== md5(content)) throw new Error("another file came back");
  await vm.files.remove("/bench-file");
  return { up, down, pumpUp, pumpDown };
}

function throughput(name: string, value: number) {
  return { id: "B13", name, value, unit: "MiB/s" };
}

function beside(name: string, value: number, ours: number) {
  return { name, value, ratio: ours / value };
}

/** B14: a tree of small files in one stream, compared with one call a file the same way. */
export const trees: Benchmark = {
  id: "B14",
  title: "tree-sync",
  async run({ vm, dir, quick }) {
    const [folders, each] = quick ? [10, 20] : [100, 100];
    const tree = join(dir, "tree");
    for (let folder = 0; folder < folders; folder++) {
      const at = join(tree, `d${folder}`);
      await mkdir(at, { recursive: true });
      for (let file = 0; file < each; file++)
        await writeFile(join(at, `f${file}`), `${folder}/${file}\n`.repeat(50));
    }
    const count = folders * each;
    const sample = Math.min(count, 200);
    const [back, oneBack] = [join(dir, "tree-back"), join(dir, "one-back")];
    await vm.files.mkdir("/one-by-one");
    await mkdir(oneBack);
    const eachOf = async (call: (file: number) => Promise<unknown>) => {
      for (let file = 0; file < sample; file++) await call(file);
    };
    const speed = async (files: number, work: () => Promise<unknown>) => files / ((await timed(work)) / 1000);
    const oneUp = await speed(sample, () =>
      eachOf((file) => vm.files.uploadFile(join(tree, `d${file % folders}`, "f0"), `/one-by-one/${file}`)),
    );
    const oneDown = await speed(sample, () =>
      eachOf((file) => vm.files.downloadFile(`/one-by-one/${file}`, join(oneBack, `${file}`))),
    );
    const up = await speed(count, () => vm.files.uploadTree(tree, "/bench-tree"));
    const down = await speed(count, () => vm.files.downloadTree("/bench-tree", back));
    for (const path of [back, oneBack, tree]) await rm(path, { recursive: true });
    await vm.files.remove("/bench-tree", { recursive: true });
    await vm.files.remove("/one-by-one", { recursive: true });
    const figure = (way: string, value: number, single: number) => ({
      ...{ id: "B14", name: `${count} files ${way}`, value, unit: "files/s" },
      beside: beside("a call a file", single, value),
    });
    return [figure("up", up, oneUp), figure("down", down, oneDown)];
  },
};
