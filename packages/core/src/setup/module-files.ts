import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { run } from "../host/run.ts";
import { GUEST_MODULES, planModules } from "./kernel-modules.ts";
import { unpackModule } from "./unpack.ts";

const ORDER = "order";

/** One uncompressed module, named as the initramfs names it. */
export interface ModuleFile {
  /** e.g. `virtio_net.ko` */
  readonly file: string;
  readonly content: Uint8Array;
}

/**
 * Takes the guest's modules, in load order, out of an unpacked kernel package. `base` holds `lib/modules/<release>`
 * and is written to: depmod puts its tables there.
 *
 * @throws {BandSoxError} `invalid_argument` when the kernel lacks something every guest needs
 */
export async function takeModules(
  base: string,
  options: { release: string; signal?: AbortSignal | undefined },
): Promise<ModuleFile[]> {
  const { release, signal } = options;
  const dir = join(base, "lib", "modules", release);
  await run("depmod", ["-b", base, release], { signal });
  const dep = await readFile(join(dir, "modules.dep"), "utf8");
  const builtin = await readFile(join(dir, "modules.builtin"), "utf8");
  const plan = planModules(GUEST_MODULES, { dep, builtin });
  const lacking = plan.missing.filter((module) => module.required).map((module) => module.name);
  if (lacking.length > 0) {
    const found = `no ${lacking.join(", ")}`;
    throw new BandSoxError("invalid_argument", `kernel ${release} has ${found}`, { field: "kernel", found });
  }
  const scratch = join(base, "module");
  const modules: ModuleFile[] = [];
  for (const path of plan.files) {
    const content = await unpackModule(await readFile(join(dir, path)), { scratch, signal });
    modules.push({ file: basename(path).replace(/\.ko\.\w+$/, ".ko"), content });
  }
  return modules;
}

/** Keeps modules and their order in a new directory, for the next initramfs. */
export async function writeModules(dir: string, modules: readonly ModuleFile[]): Promise<void> {
  await mkdir(dir);
  for (const { file, content } of modules) await writeFile(join(dir, file), content, { flush: true });
  const order = modules.map(({ file }) => `${file}\n`).join("");
  await writeFile(join(dir, ORDER), order, { flush: true });
}

/** Reads back what {@link writeModules} kept. */
export async function readModules(dir: string): Promise<ModuleFile[]> {
  const order = await readFile(join(dir, ORDER), "utf8");
  const present = new Set(await readdir(dir));
  const files = order.split("\n").filter((file) => present.has(file));
  return Promise.all(files.map(async (file) => ({ file, content: await readFile(join(dir, file)) })));
}
