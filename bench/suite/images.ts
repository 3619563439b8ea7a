import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSox } from "bandsox";
import { execa } from "execa";
import { buildOciLayout } from "../../test/e2e/support/oci-layout.ts";
import { startRegistry } from "../../test/e2e/support/registry.ts";
import { type Benchmark, type Lab, quantile, timed } from "../figure.ts";

const KIBIBYTE = 1024;
const LAYERS = 4;
const WORDS = 4096;

/** B06: an image of a registry on loopback, first and again, beside the usual tools on the same image. */
export const firstImage: Benchmark = {
  id: "B06",
  title: "first-image",
  async run(lab) {
    const dir = join(lab.dir, "b06");
    await using stack = new AsyncDisposableStack();
    await mkdir(dir);
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const { host } = stack.use(await startRegistry(dir));
    const image = `${host}/bench:1`;
    const what = await pushImage(dir, { image, files: lab.quick ? 400 : 10_000 });
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < (lab.quick ? 1 : 3); round++) {
      theirs.push(await timed(() => usualTools(join(dir, `tools-${round}`), image)));
      ours.push(await timed(() => firstUse(join(dir, `storage-${round}`), image)));
    }
    const [value, beside] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
    return [
      {
        ...{ id: "B06", name: `${what}: reference to base disk`, value, unit: "ms", samples: ours },
        beside: { name: "skopeo + umoci + mke2fs", value: beside, ratio: beside / value },
      },
      ...(await secondUse(lab, image)),
    ];
  },
};

/** An image of text-like files, three quarters of them small, as a distribution's are; ~33 KiB each on average. */
async function pushImage(
  dir: string,
  { image, files }: { readonly image: string; readonly files: number },
): Promise<string> {
  const layers = Array.from({ length: LAYERS }, (_, layer) => join(dir, "content", `l${layer}`));
  let bytes = 0;
  for (let file = 0; file < files; file++) {
    const folder = join(layers[file % LAYERS] ?? dir, "srv", `p${file % 97}`, `l${file % LAYERS}`);
    await mkdir(folder, { recursive: true });
    const text = prose(file, file % 4 === 3 ? 108 * KIBIBYTE : 8 * KIBIBYTE);
    bytes += text.length;
    await writeFile(join(folder, `f${file}`), text);
  }
  const [first = dir, ...others] = layers;
  const layout = await buildOciLayout(dir, first, { cmd: ["true"] });
  for (const layer of others) await execa("umoci", ["insert", "--image", `${layout}:latest`, layer, "/"]);
  const push = ["copy", "--insecure-policy", "--dest-tls-verify=false"];
  await execa("skopeo", [...push, `oci:${layout}:latest`, `docker://${image}`]);
  return `${files} files, ${Math.round(bytes / KIBIBYTE / KIBIBYTE)} MiB`;
}

/** Words in an order that depends on the seed: what gzip makes about a third of. */
function prose(seed: number, size: number): string {
  const words: string[] = [];
  let state = seed + 1;
  for (let length = 0; length < size; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; // the C library's generator: cheap, and the same each time
    const word = `w${((state >>> 8) % WORDS).toString(36)}`;
    words.push(word);
    length += word.length + 1;
  }
  return words.join(" ").slice(0, size);
}

/** What one would do by hand for the same result: a disk with the image's root directory. */
async function usualTools(dir: string, image: string): Promise<void> {
  await mkdir(dir);
  const copy = ["copy", "--insecure-policy", "--src-tls-verify=false"];
  await execa("skopeo", [...copy, `docker://${image}`, `oci:${dir}/layout:latest`]);
  await execa("umoci", ["unpack", "--image", `${dir}/layout:latest`, `${dir}/bundle`]);
  await execa("mke2fs", ["-q", "-t", "ext4", "-d", `${dir}/bundle/rootfs`, `${dir}/disk.ext4`, "2G"]);
  await rm(dir, { recursive: true, force: true });
}

async function firstUse(storageDir: string, image: string): Promise<void> {
  await using bandsox = new BandSox({ storageDir });
  await using _disks = await bandsox.openImageDisk(image);
}

/** What stands before the VMM when the store has the image: its name, its disk, and a fresh layer disk. */
async function secondUse({ bandsox }: Lab, image: string) {
  const samples: number[] = [];
  for (let run = 0; run < 6; run++) {
    let before = 0;
    const onStage = (stage: string, ms: number) => {
      if (stage === "image" || stage === "disk") before += ms;
    };
    const vm = await bandsox.createVm(image, { memMib: 128, onStage });
    await vm.delete();
    if (run > 0) samples.push(before);
  }
  const value = quantile(samples, 0.5);
  return [{ id: "B06", name: "again, before the VMM starts, p50", value, unit: "ms", samples }];
}
