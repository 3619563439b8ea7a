import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pump } from "../bare-channel.ts";
import { type Benchmark, type Figure, rate, timed } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

/** B13: one file in and out, compared with the bare channel and by checksum. */
export const files: Benchmark = {
  id: "B13",
  title: "upload / download",
  async run({ vm, agentSocket, dir, quick }) {
    const figures: Figure[] = [];
    for (const size of quick ? [4096, MEBIBYTE] : [4096, MEBIBYTE, 64 * MEBIBYTE]) {
      const [here, back] = [join(dir, "upload"), join(dir, "download")];
      const content = randomBytes(size);
      await writeFile(here, content);
      const up = await pump(agentSocket, "guest", size);
      const upload = rate(size, await timed(() => vm.files.uploadFile(here, "/bench-file")));
      const down = await pump(agentSocket, "host", size);
      const download = rate(size, await timed(() => vm.files.downloadFile("/bench-file", back)));
      if (md5(await readFile(back)) !== md5(content)) throw new Error("another file came back");
      await vm.files.remove("/bench-file");
      const name = size < MEBIBYTE ? `${size / 1024} KiB` : `${size / MEBIBYTE} MiB`;
      figures.push(
        { ...throughput(`${name} up`, upload), beside: beside("bare pump", up, upload) },
        { ...throughput(`${name} down`, download), beside: beside("bare pump", down, download) },
      );
    }
    return figures;
  },
};

function throughput(name: string, value: number) {
  return { id: "B13", name, value, unit: "MiB/s" };
}

function beside(name: string, value: number, ours: number) {
  return { name, value, ratio: ours / value };
}

/** B14: a tree of small files in one stream, compared with one call a file. */
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
    await vm.files.mkdir("/one-by-one");
    const single = await timed(async () => {
      for (let file = 0; file < sample; file++) {
        const folder = file % folders;
        await vm.files.uploadFile(join(tree, `d${folder}`, "f0"), `/one-by-one/${file}`);
      }
    });
    const perFile = sample / (single / 1000);
    const up = count / ((await timed(() => vm.files.uploadTree(tree, "/bench-tree"))) / 1000);
    const back = join(dir, "tree-back");
    const down = count / ((await timed(() => vm.files.downloadTree("/bench-tree", back))) / 1000);
    await rm(back, { recursive: true });
    await rm(tree, { recursive: true });
    await vm.files.remove("/bench-tree", { recursive: true });
    await vm.files.remove("/one-by-one", { recursive: true });
    const besideSingle = (value: number) => beside("a call a file", perFile, value);
    return [
      { id: "B14", name: `${count} files up`, value: up, unit: "files/s", beside: besideSingle(up) },
      { id: "B14", name: `${count} files down`, value: down, unit: "files/s", beside: besideSingle(down) },
    ];
  },
};
