import { z } from "zod";
import { NetworkSpec } from "../networking.ts";
import { LimitsPatch } from "../vm-limits.ts";
import { Env, Metadata } from "../vm-spec.ts";
import { maybe } from "./fields.ts";
import { wireSchema } from "./wire-schema.ts";

const { timeoutMs, onTimeout, idleTimeoutMs, onIdle, idleCpuPercent } = LimitsPatch.shape;

/** How a VM that goes on from a save differs from the one that was saved; what is left out is as it was. */
export const cloneFields = {
  enable_networking: maybe(z.union([z.boolean(), wireSchema(NetworkSpec)])).meta({
    description:
      "`false` cuts it off, `true` leaves it as it was; a network needs the scope admin, as on creation",
  }),
  env_vars: maybe(Env),
  metadata: maybe(Metadata),
  timeout_ms: timeoutMs.meta({ description: "Counts from now; `null` lifts the limit" }),
  on_timeout: onTimeout,
  idle_timeout_ms: idleTimeoutMs.meta({ description: "`null` lifts the limit" }),
  on_idle: onIdle,
  idle_cpu_percent: idleCpuPercent,
};
