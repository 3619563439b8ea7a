/** Which kernel modules the guest needs, and in which order they load. */

/** A module the guest wants; a kernel without a `required` one cannot run our guests. */
export interface WantedModule {
  readonly name: string;
  readonly required: boolean;
}

/** What our guests use, in the order it is wanted. A kernel that has one built in needs no file for it. */
export const GUEST_MODULES: readonly WantedModule[] = [
  { name: "virtio_mmio", required: true },
  { name: "virtio_blk", required: true },
  { name: "virtio_net", required: false },
  { name: "virtio_console", required: true },
  { name: "virtio_rng", required: false },
  { name: "virtio_balloon", required: false },
  { name: "overlay", required: true },
  // ext4 asks for its checksum by name, which an initramfs without modprobe cannot answer: load it first.
  { name: "crc32c_generic", required: false },
  { name: "crc32c_cryptoapi", required: false },
  { name: "ext4", required: true },
  { name: "vmw_vsock_virtio_transport", required: false },
];

export interface ModulePlan {
  /** Paths relative to the modules directory, dependencies before what needs them */
  readonly files: readonly string[];
  /** Wanted names that are neither a file nor built in */
  readonly missing: readonly WantedModule[];
}

/** Orders `wanted` and everything it depends on for loading one by one. `dep` and `builtin` are modules.dep and modules.builtin. */
export function planModules(
  wanted: readonly WantedModule[],
  { dep, builtin }: { dep: string; builtin: string },
): ModulePlan {
  const dependencies = parseModulesDep(dep);
  const fileOf = new Map([...dependencies.keys()].map((file) => [moduleName(file), file]));
  const builtins = new Set(lines(builtin).map(moduleName));
  const files = new Set<string>();
  const visiting = new Set<string>();

  function visit(file: string): void {
    if (files.has(file) || visiting.has(file)) return;
    visiting.add(file);
    for (const needed of dependencies.get(file) ?? []) visit(needed);
    files.add(file);
  }

  const missing: WantedModule[] = [];
  for (const module of wanted) {
    const file = fileOf.get(moduleName(module.name));
    if (file) visit(file);
    else if (!builtins.has(moduleName(module.name))) missing.push(module);
  }
  return { files: [...files], missing };
}

/** The name the kernel knows a module file by: no directory, no `.ko` and compression, `_` for `-`. */
export function moduleName(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  return base.replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
}

function parseModulesDep(text: string): Map<string, readonly string[]> {
  const entries = lines(text).map((line) => {
    const colon = line.indexOf(":");
    const needed = line
      .slice(colon + 1)
      .split(" ")
      .filter(Boolean);
    // modules.dep lists what loads first last.
    return [line.slice(0, colon), needed.reverse()] as const;
  });
  return new Map(entries);
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}
