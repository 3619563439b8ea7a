import { type CpioEntry, cpioArchive } from "./cpio-archive.ts";

const MOUNT_POINTS = ["proc", "sys", "dev", "newroot", "mnt"] as const;

export interface InitramfsContent {
  /** The agent binary, which becomes `/init` and PID 1 */
  readonly agent: Uint8Array;
  /** Uncompressed modules in load order; their order is written to `/modules/order`, one file name a line */
  readonly modules: readonly { readonly file: string; readonly content: Uint8Array }[];
}

/** Builds the guest's initramfs, uncompressed: the same content gives the same bytes. */
export function buildInitramfs({ agent, modules }: InitramfsContent): Buffer {
  const order = modules.map(({ file }) => `${file}\n`).join("");
  const entries: CpioEntry[] = [
    { path: "init", kind: "file", mode: 0o755, content: agent },
    ...MOUNT_POINTS.map((path) => ({ path, kind: "directory", mode: 0o755 }) as const),
    { path: "dev/console", kind: "character-device", mode: 0o600, major: 5, minor: 1 },
    { path: "modules", kind: "directory", mode: 0o755 },
    { path: "modules/order", kind: "file", mode: 0o644, content: Buffer.from(order) },
    ...modules.map(
      ({ file, content }) => ({ path: `modules/${file}`, kind: "file", mode: 0o644, content }) as const,
    ),
  ];
  return cpioArchive(entries);
}
