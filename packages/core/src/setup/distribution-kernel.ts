import { mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import { run } from "../host/run.ts";
import type { Architecture, KernelSource, ObtainedKernel, ObtainOptions } from "./kernel-source.ts";

/** Lean kernels for virtual machines: Debian's, then Ubuntu's. Each is a package that only depends on the newest one. */
function kernelPackages({ debian }: Architecture): readonly string[] {
  return [`linux-image-cloud-${debian}`, "linux-image-virtual", "linux-image-kvm"];
}
const MAX_DEPTH = 3;
// apt drops to its own user, which cannot write into a private directory.
const APT_OPTIONS = [
  "-q",
  "-o",
  "APT::Sandbox::User=root",
  "-o",
  "Acquire::http::Timeout=20",
  "-o",
  "Acquire::https::Timeout=20",
];

/**
 * The distribution's own kernel package, downloaded and unpacked without installing it. apt verifies its signature.
 * When the system's package lists are absent or stale, fresh ones are read into the given directory, and the system's
 * stay as they are.
 */
export function distributionKernel(architecture: Architecture): KernelSource {
  return {
    name: "the distribution's kernel package",
    async obtain(options) {
      try {
        return await obtainWith([], { ...options, architecture });
      } catch (error) {
        if (!isBandSoxError(error, "tool_failed") && !isBandSoxError(error, "kernel_unavailable"))
          throw error;
        options.onProgress({ step: "kernel", state: "progress", text: "reading fresh package lists" });
        return obtainWith(await freshLists(options), { ...options, architecture });
      }
    },
  };
}

type AptOptions = ObtainOptions & { architecture: Architecture };

async function obtainWith(listOptions: readonly string[], options: AptOptions): Promise<ObtainedKernel> {
  const { dir, onProgress, signal } = options;
  const packages = await findKernelPackages(listOptions, options);
  onProgress({ step: "kernel", state: "progress", text: `downloading ${packages.join(", ")}` });
  const debs = join(dir, `debs${listOptions.length}`);
  const root = join(dir, `root${listOptions.length}`);
  await mkdir(debs);
  await mkdir(root);
  await run("apt-get", [...APT_OPTIONS, ...listOptions, "download", ...packages], { cwd: debs, signal });
  const files = await readdir(debs);
  for (const file of files) await run("dpkg-deb", ["-x", join(debs, file), root], { signal });
  await linkModuleDirectories(root);
  return {
    imagePath: await findImage(root),
    modulesBase: root,
    origin: { kind: "distribution", location: files.toSorted().join(" ") },
  };
}

async function findKernelPackages(listOptions: readonly string[], options: AptOptions): Promise<string[]> {
  const wanted = kernelPackages(options.architecture);
  for (const name of wanted) {
    const found = await concretePackages(name, { listOptions, signal: options.signal, depth: 0 });
    if (found.length > 0) return [...new Set(found)];
  }
  throw new BandSoxError("kernel_unavailable", `apt knows none of ${wanted.join(", ")}`, {
    sources: [...wanted],
  });
}

async function concretePackages(
  name: string,
  options: { listOptions: readonly string[]; signal: AbortSignal | undefined; depth: number },
): Promise<string[]> {
  if (options.depth > MAX_DEPTH) return [];
  const { stdout } = await run("apt-cache", [...options.listOptions, "depends", name], {
    signal: options.signal,
  }).catch((error) => {
    if (isBandSoxError(error, "tool_failed")) return { stdout: "" }; // unknown to apt: the answer is "none"
    throw error;
  });
  const found = isConcrete(name) && stdout !== "" ? [name] : [];
  for (const dependency of parseKernelDepends(stdout)) {
    found.push(...(await concretePackages(dependency, { ...options, depth: options.depth + 1 })));
  }
  return found;
}

/** The kernel and module packages that `apt-cache depends` names as hard dependencies. */
export function parseKernelDepends(output: string): string[] {
  const names = [...output.matchAll(/^\s*\|?(?:Pre)?Depends: (linux-(?:image|modules)-[a-z0-9.+-]+)$/gm)];
  return names.map((match) => match[1] ?? "");
}

/** Whether a package holds a kernel or modules itself: its name carries a version. */
function isConcrete(name: string): boolean {
  return /^linux-(image|modules)-(unsigned-)?\d/.test(name);
}

async function freshLists({ dir, signal }: ObtainOptions): Promise<string[]> {
  const state = join(dir, "apt");
  await mkdir(join(state, "lists", "partial"), { recursive: true });
  await mkdir(join(state, "cache", "archives", "partial"), { recursive: true });
  const options = ["-o", `Dir::State::lists=${state}/lists`, "-o", `Dir::Cache=${state}/cache`];
  await run("apt-get", [...APT_OPTIONS, ...options, "update"], { signal });
  return options;
}

async function findImage(root: string): Promise<string> {
  const files = await readdir(join(root, "boot")).catch(() => []);
  const image = files.find((file) => file.startsWith("vmlinuz-"));
  if (image) return join(root, "boot", image);
  throw new BandSoxError("kernel_unavailable", "the kernel package holds no boot/vmlinuz", {
    sources: [root],
  });
}

/** Makes `lib/modules` and `usr/lib/modules` one: packages use either, and depmod builds look in either. */
async function linkModuleDirectories(root: string): Promise<void> {
  const isDirectory = (path: string) => stat(path).then(Boolean, () => false);
  if (!(await isDirectory(join(root, "lib")))) await symlink("usr/lib", join(root, "lib"));
  else if (!(await isDirectory(join(root, "usr/lib/modules")))) {
    await mkdir(join(root, "usr/lib"), { recursive: true });
    await symlink("../../lib/modules", join(root, "usr/lib/modules"));
  }
}
