import { toWireVm } from "@bandsox/contract/api";
import type { Call, Handler } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";
import { progressAnswer } from "./progress-answer.ts";

/** Makes a VM; with a media type for it, tells its progress on the way. */
export function createVm({ bandsox }: Served): Handler<"POST /api/vms"> {
  return (call) =>
    progressAnswer(call, async (tell, signal) => {
      const { image, force_rebuild, ...spec } = call.body;
      const onImageEvent = (event: object) => tell({ type: "image", event });
      if (force_rebuild) await bandsox.images.pull(image, { signal, onEvent: onImageEvent });
      const onStage = (stage: string, durationMs: number) =>
        tell({ type: "stage", stage, duration_ms: durationMs });
      const vm = await bandsox.createVm(image, { ...vmOptions(spec), signal, onImageEvent, onStage });
      return { id: vm.id, status: "created", vm: toWireVm(await vm.info()) };
    });
}

type Spec = Omit<Call<"POST /api/vms">["body"], "image" | "force_rebuild">;

/** A new VM's options as the library takes them; what is not given is the library's to choose. */
export function vmOptions(spec: Spec) {
  const { name, vcpu, mem_mib, disk_size_mib, enable_networking, boot, env_vars, metadata } = spec;
  return given({
    ...{ name, vcpu, memMib: mem_mib, diskSizeMib: disk_size_mib, networking: enable_networking, boot },
    ...{ env: env_vars, metadata },
  });
}
