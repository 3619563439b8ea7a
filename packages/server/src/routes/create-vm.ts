import { BandSoxError, type NetworkSpecInput, VmSpec, type VmSpecInput } from "@bandsox/contract";
import { fromWire, toWireVm } from "@bandsox/contract/api";
import type { Identity } from "../auth/auth-store.ts";
import type { Call, Handler } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";
import { assertNetwork } from "./network-handlers.ts";
import { progressAnswer } from "./progress-answer.ts";

/** Makes a VM; with a media type for it, tells its progress on the way. */
export function createVm({ bandsox, admission, metrics }: Served): Handler<"POST /api/vms"> {
  return (call) =>
    progressAnswer(call, async (tell, signal) => {
      const { image, force_rebuild, ...spec } = call.body;
      const onImageEvent = (event: object) => tell({ type: "image", event });
      assertSource(image, call.request.identity);
      const wanted = vmOptions(spec);
      if (typeof wanted.networking === "object") assertNetwork(wanted.networking, call.request.identity);
      if (force_rebuild) await bandsox.images.pull(image, { signal, onEvent: onImageEvent });
      const onStage = (stage: string, durationMs: number) => {
        metrics.stage("create", stage, durationMs);
        tell({ type: "stage", stage, duration_ms: durationMs });
      };
      const options = { ...wanted, signal, onImageEvent, onStage };
      const asked = { memMib: spec.mem_mib ?? DEFAULT_MEM_MIB, identity: call.request.identity };
      const vm = await admission.admit(asked, () => bandsox.createVm(image, options));
      return { id: vm.id, status: "created", vm: toWireVm(await vm.info()) };
    });
}

/** Memory of a VM that asks for none, in MiB. */
export const DEFAULT_MEM_MIB = VmSpec.shape.memMib.parse(undefined);

/** A source other than a registry reads files of this host. @throws {BandSoxError} `scope_missing` */
export function assertSource(image: string, identity: Identity | null): void {
  if (identity?.scope === "admin" || isReference(image)) return;
  const scope = identity?.scope ?? "none";
  const message = `cannot use the image source ${JSON.stringify(image.slice(0, 200))}: sources of this host need the scope admin`;
  throw new BandSoxError("scope_missing", message, { wanted: "admin", scope });
}

const LOCAL_SOURCE = /^(?:(?:dir|tar|ext4|oci|docker-archive|docker-daemon):|debian:[^?]*\?)/;

/** Whether a source names what a registry has, or the store. */
function isReference(image: string): boolean {
  return !LOCAL_SOURCE.test(image) && !/^[./]/.test(image);
}

type Shape = Omit<VmSpecInput, "image" | "networking" | "env" | "metadata">;
type Spec = Omit<Call<"POST /api/vms">["body"], "image" | "force_rebuild">;

/** A new VM's options as the library takes them; what is not given is the library's to choose. */
export function vmOptions(spec: Spec) {
  const { enable_networking, env_vars: env, metadata, ...rest } = spec;
  const networking =
    typeof enable_networking === "object"
      ? fromWire<NetworkSpecInput>(enable_networking as never)
      : enable_networking;
  return given({ ...fromWire<Shape>(rest), networking, env, metadata });
}
