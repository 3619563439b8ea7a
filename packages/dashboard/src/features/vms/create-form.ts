import type { RouteInput } from "@bandsox/contract/api";
import { type KeyValue, problemOf, toStrings, toValues } from "../../ui/key-values.logic.ts";

/** What a guest may connect to, as a person chooses it. */
export type NetworkChoice = "usual" | "off" | "public" | "named" | "open";

/** A new VM as a person describes it. */
export interface CreateForm {
  readonly image: string;
  readonly name: string;
  readonly vcpu: number | string;
  readonly memMib: number | string;
  readonly diskSizeMib: number | string;
  readonly network: NetworkChoice;
  /** What a guest of the choice `named` may connect to */
  readonly allowed: readonly string[];
  /** Time after which it is stopped, in ms; empty for none */
  readonly lifetimeMs: string;
  readonly env: readonly KeyValue[];
  readonly metadata: readonly KeyValue[];
}

export const EMPTY_FORM: CreateForm = {
  ...{
    image: "",
    name: "",
    vcpu: 1,
    memMib: 256,
    diskSizeMib: 4096,
    network: "usual",
    allowed: [],
    lifetimeMs: "",
    env: [],
    metadata: [],
  },
};

/** What is wrong with a form, if anything; the rest the server knows. */
export function formProblem({ image, env, metadata }: CreateForm): string | undefined {
  if (image.trim() === "") return "an image is needed";
  const inEnv = problemOf(env);
  if (inEnv) return `environment: ${inEnv}`;
  const inMetadata = problemOf(metadata);
  return inMetadata && `metadata: ${inMetadata}`;
}

/** A form as the server takes it. */
export function toBody(form: CreateForm): RouteInput<"POST /api/vms">["body"] {
  const { image, name, vcpu, memMib, diskSizeMib, lifetimeMs, env, metadata } = form;
  return {
    image: image.trim(),
    ...(name.trim() === "" ? {} : { name: name.trim() }),
    ...{ vcpu: Number(vcpu), mem_mib: Number(memMib), disk_size_mib: Number(diskSizeMib) },
    ...(lifetimeMs === "" ? {} : { timeout_ms: Number(lifetimeMs) }),
    ...networkOf(form),
    ...{ env_vars: toStrings(env), metadata: toValues(metadata) },
  };
}

function networkOf({ network, allowed }: CreateForm) {
  if (network === "usual") return {};
  if (network === "off") return { enable_networking: false };
  return { enable_networking: { egress: network === "named" ? { allow: [...allowed] } : network } };
}
