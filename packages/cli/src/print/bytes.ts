const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;
const STEP = 1000;

/** A size for people, in its largest unit, e.g. `3.1 MB`. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / STEP ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** The part of a digest people tell images by. */
export function shortDigest(digest: string): string {
  return digest.replace("sha256:", "").slice(0, 12);
}
