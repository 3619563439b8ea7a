import { isAnyBandSoxError, isBandSoxError, type LimitsPatch } from "@bandsox/contract";
import { fromWire, toWire, toWireVm, type VM_ROUTES } from "@bandsox/contract/api";
import { type Call, type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { cloneOptions } from "./clone-options.ts";
import { createFromDockerfile } from "./create-from-dockerfile.ts";
import { createVm } from "./create-vm.ts";
import { given } from "./given.ts";
import { hasMetadata, parseFilter } from "./metadata-filter.ts";

type VmKey = keyof typeof VM_ROUTES;
type Some = Partial<Handlers<VmKey>>;

/** VMs and their life. */
export function vmHandlers(served: Served): Handlers<VmKey> {
  return { ...seeing(served), ...making(served), ...living(served), ...editing(served), ...looking(served) };
}

function seeing({ bandsox }: Served) {
  const list = async ({ query, signal }: Call<"GET /api/vms">) => {
    const wanted = parseFilter(query.metadata_equals);
    const vms = (await bandsox.listVms({ signal })).filter((vm) => hasMetadata(vm, wanted));
    return vms.slice(0, query.limit ?? vms.length).map(toWireVm);
  };
  return {
    "GET /api/vms": list,
    "GET /api/projects": list,
    "GET /api/vms/:id": async ({ params }) => toWireVm(await (await bandsox.getVm(params.id)).info()),
  } satisfies Some;
}

function making(served: Served) {
  const { bandsox } = served;
  return {
    "POST /api/vms": createVm(served),
    "POST /api/vms/from-dockerfile": createFromDockerfile(served),
    "POST /api/vms/:id/snapshot": async ({ params, body, signal }) => {
      const vm = await bandsox.getVm(params.id);
      return { snapshot_id: (await vm.snapshot({ ...given({ ...body }), signal })).id };
    },
    "POST /api/vms/:id/fork": async ({ params, body, signal, request }) => {
      const { count, ...changes } = body ?? {};
      const options = { ...given({ count }), ...cloneOptions(changes, request.identity), signal };
      const vm = await bandsox.getVm(params.id);
      const { memMib } = await vm.info();
      const fork = () => vm.fork(options);
      const results = await served.admission.admit(
        { memMib, count, identity: request.identity },
        fork,
        (made) => made.flatMap((one) => ("vm" in one ? [one.vm.id] : [])),
      );
      return Promise.all(
        results.map(async (one) => {
          if ("vm" in one) return { vm: toWireVm(await one.vm.info()) };
          const code = isAnyBandSoxError(one.error) ? one.error.code : "internal_error";
          return { error: one.error.message, code };
        }),
      );
    },
  } satisfies Some;
}

function living({ bandsox, admission }: Served) {
  const stop = ({ body, signal }: Call<"POST /api/vms/:id/stop">) => ({
    ...given({ graceMs: body?.grace_ms }),
    signal,
  });
  return {
    "DELETE /api/vms/:id": async ({ params, signal }) => {
      try {
        await (await bandsox.getVm(params.id)).delete({ signal });
      } catch (error) {
        if (!isBandSoxError(error, "vm_not_found")) throw error;
      }
      return { status: "deleted" };
    },
    "POST /api/vms/:id/stop": async (call) => {
      await (await bandsox.getVm(call.params.id)).stop(stop(call));
      return { status: "stopped" };
    },
    "POST /api/vms/:id/start": async ({ params, signal, request }) => {
      const vm = await bandsox.getVm(params.id);
      const { memMib } = await vm.info();
      await admission.admitStart({ memMib, identity: request.identity }, () => vm.start({ signal }));
      return { status: "started" };
    },
    "POST /api/vms/:id/restart": async (call) => {
      await (await bandsox.getVm(call.params.id)).restart(stop(call));
      return { status: "restarted" };
    },
    "POST /api/vms/:id/pause": async ({ params, signal }) => {
      await (await bandsox.getVm(params.id)).pause({ signal });
      return { status: "paused" };
    },
    "POST /api/vms/:id/resume": async ({ params, signal }) => {
      await (await bandsox.getVm(params.id)).resume({ signal });
      return { status: "resumed" };
    },
    "POST /api/vms/:id/rollback": async ({ params, body, signal }) => {
      const vm = await bandsox.getVm(params.id);
      await vm.rollback(body.snapshot, { signal });
      return toWireVm(await vm.info());
    },
  } satisfies Some;
}

function editing({ bandsox }: Served) {
  return {
    "PUT /api/vms/:id/metadata": async ({ params, body }) => {
      await (await bandsox.getVm(params.id)).setMetadata(body.metadata);
      return null;
    },
    "PATCH /api/vms/:id/metadata": async ({ params, body }) =>
      toWireVm(await (await bandsox.getVm(params.id)).updateMetadata(body.metadata)),
    "PUT /api/vms/:id/name": async ({ params, body }) => {
      const { name } = await (await bandsox.getVm(params.id)).rename(body.name);
      return { status: "renamed", name };
    },
    "PUT /api/vms/:id/limits": async ({ params, body, signal }) => {
      const vm = await bandsox.getVm(params.id);
      return toWireVm(await vm.setLimits(fromWire<LimitsPatch>(body), { signal }));
    },
    "PUT /api/vms/:id/reclaim": async ({ params, body, signal }) => {
      await (await bandsox.getVm(params.id)).reclaimMemory(body.mib, { signal });
      return { status: "reclaiming" };
    },
    "GET /api/vms/:id/why": async ({ params }) => {
      const end = await bandsox.why(params.id);
      return end ? toWire(end) : null;
    },
    "PUT /api/vms/:id/disk-size": async ({ params, body, signal }) =>
      toWireVm(await bandsox.growDisk(params.id, body.disk_size_mib, { signal })),
  } satisfies Some;
}

function looking({ bandsox }: Served) {
  return {
    "GET /api/vms/:id/ping": async ({ params, signal }) => ({
      ms: await (await bandsox.getVm(params.id)).ping({ signal }),
    }),
    "GET /api/vms/:id/stats": async ({ params, signal }) =>
      toWire(await (await bandsox.getVm(params.id)).stats({ signal })),
    "GET /api/vms/:id/processes": async ({ params, query, signal }) =>
      toWire(await (await bandsox.getVm(params.id)).processes({ ...given(query), signal })),
    "GET /api/vms/:id/oom-kills": async ({ params, signal }) =>
      toWire(await (await bandsox.getVm(params.id)).oomKills({ signal })),
    "GET /api/vms/:id/kernel-log": async ({ params, query, signal }) =>
      new Streamed(PLAIN_TEXT, await (await bandsox.getVm(params.id)).kernelLog({ ...given(query), signal })),
    "GET /api/vms/:id/console": async ({ params, query, signal }) => {
      const vm = await bandsox.getVm(params.id);
      const log = vm.consoleLog({ follow: query.follow ?? false, signal });
      return Streamed.live(PLAIN_TEXT, untilGone(log, signal));
    },
    "GET /api/vms/:id/vmm-log": async ({ params, query, signal }) => {
      const vm = await bandsox.getVm(params.id);
      const log = vm.vmmLog({ follow: query.follow ?? false, signal });
      return Streamed.live(PLAIN_TEXT, untilGone(log, signal));
    },
  } satisfies Some;
}

const PLAIN_TEXT = "text/plain; charset=utf-8";

/** A stream that is over once its reader has gone, which is no failure. */
async function* untilGone<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
