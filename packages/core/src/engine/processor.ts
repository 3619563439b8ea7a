import { readFileSync } from "node:fs";

/** The processor's model and features: a guest has seen them and must find them again. */
export function processor(): readonly (string | undefined)[] {
  const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
  return ["model name", "flags", "microcode"].map(
    (field) => new RegExp(`^${field}\\s*:\\s*(.*)$`, "m").exec(cpuinfo)?.[1],
  );
}
