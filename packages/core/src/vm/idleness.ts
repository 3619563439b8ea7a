import type { Idleness } from "@bandsox/contract";
import { control } from "../engine/control.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { IDLE_CPU_PERCENT } from "./limits.ts";
import type { VmPorts } from "./vm-ports.ts";

/** What keeps a running VM awake that has an idle limit; `undefined` of any other, or when its supervisor does not say. */
export async function idlenessOf(
  ports: VmPorts,
  { id, state, spec }: VmRecord,
): Promise<Idleness | undefined> {
  if (state !== "running" || spec.idleTimeoutMs === undefined) return undefined;
  const { idle } = await control(vmPaths(ports.paths, id), { action: "idle" }).catch(() => ({
    idle: undefined,
  }));
  if (!idle) return undefined;
  const clients = idle.clients > 0 ? (["clients"] as const) : [];
  const cpu = idle.cpuPercent > (spec.idleCpuPercent ?? IDLE_CPU_PERCENT) ? (["cpu"] as const) : [];
  return { ...idle, keptAwakeBy: [...clients, ...cpu] };
}
