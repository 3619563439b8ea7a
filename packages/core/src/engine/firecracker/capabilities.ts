/** A version of Firecracker, e.g. `1.16.1`. */
export interface FirecrackerVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The oldest version whose machines we can make; what it lacks is in the table. */
export const OLDEST_VERSION: FirecrackerVersion = { major: 1, minor: 7, patch: 0 };

/** What `init` installs. */
export const PINNED_VERSION = "1.16.1";

/** What we use of a Firecracker, the version that has it first, and what is done without. */
export const FIRECRACKER_FEATURES = {
  acpi: {
    since: { major: 1, minor: 8, patch: 0 },
    what: "ACPI tables that tell the guest its devices",
    without: "the kernel must find virtio devices by its command line (Firecracker's own kernels do)",
  },
  vsockReset: {
    since: { major: 1, minor: 10, patch: 0 },
    what: "a guest that is told on restore that its vsock connections are gone",
    without: "connections of the guest's own hang after a restore; ours are made anew",
  },
  networkOverrides: {
    since: { major: 1, minor: 12, patch: 0 },
    what: "another TAP for a machine that is restored",
    without: "every restored machine needs a TAP of the same name, in a network namespace of its own",
  },
  trackDirtyPages: {
    since: { major: 1, minor: 13, patch: 0 },
    what: "`track_dirty_pages` when loading",
    without: "the older name of the same, `enable_diff_snapshots`",
  },
  largeDiffs: {
    since: { major: 1, minor: 15, patch: 0 },
    what: "saves of only what has changed, for machines above 3 GiB",
    without: "their saves write all of their memory",
  },
  vsockOverride: {
    since: { major: 1, minor: 16, patch: 0 },
    what: "another vsock socket for a machine that is restored",
    without: "the socket's relative name leads into each VM's own directory",
  },
  mtu: {
    since: { major: 1, minor: 16, patch: 0 },
    what: "an MTU told to the guest by its network device",
    without: "the agent sets it",
  },
  soundVsockRestore: {
    since: { major: 1, minor: 16, patch: 1 },
    what: "vsock that always survives a restore",
    without: "it is proved after each restore, and the serial line takes its place where it is dead",
  },
  soundVsockPause: {
    since: { major: 1, minor: 17, patch: 0 },
    what: "a guest that hears on through vsock after a pause",
    without:
      "in 1.16 its connections are ended when it goes on: commands that somebody waits for break off, sessions go on",
  },
} as const satisfies Record<string, { since: FirecrackerVersion; what: string; without: string }>;

export type FirecrackerFeature = keyof typeof FIRECRACKER_FEATURES;

/** What one version has, as data. */
export type FirecrackerFeatures = Readonly<Record<FirecrackerFeature, boolean>>;

/** Whether a guest hears nothing more through vsock after a pause, until it is told that its connections are gone. */
export function deafensVsock({ vsockOverride, soundVsockPause }: FirecrackerFeatures): boolean {
  return vsockOverride && !soundVsockPause; // 1.16 brought both
}

/** Reads what `firecracker --version` prints, or `undefined` when that names none. */
export function parseFirecrackerVersion(text: string): FirecrackerVersion | undefined {
  const [, major, minor, patch] = /\bv?(\d+)\.(\d+)\.(\d+)\b/.exec(text) ?? [];
  if (major === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

export function formatVersion({ major, minor, patch }: FirecrackerVersion): string {
  return `${major}.${minor}.${patch}`;
}

/** Whether `version` is `wanted` or newer. */
export function isAtLeast(version: FirecrackerVersion, wanted: FirecrackerVersion): boolean {
  const differs = (["major", "minor", "patch"] as const).find((part) => version[part] !== wanted[part]);
  return differs === undefined || version[differs] > wanted[differs];
}

/** What a version can be used for. */
export function featuresOf(version: FirecrackerVersion): FirecrackerFeatures {
  const has = Object.entries(FIRECRACKER_FEATURES).map(([name, { since }]) => [
    name,
    isAtLeast(version, since),
  ]);
  return Object.fromEntries(has);
}
