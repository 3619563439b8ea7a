const STEPS = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [Number.POSITIVE_INFINITY, "d"],
] as const;

/** An age for people, in its largest whole unit, e.g. `3 min`. */
export function age(createdAt: string, now: Date): string {
  return span(now.getTime() - Date.parse(createdAt));
}

/** A span of time, in ms, in its largest whole unit. */
export function span(ms: number): string {
  let value = Math.max(0, ms / 1000);
  for (const [size, unit] of STEPS) {
    if (value < size) return `${Math.floor(value)} ${unit}`;
    value /= size;
  }
  return "";
}

/** A duration for people: ms below a second, seconds above. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
