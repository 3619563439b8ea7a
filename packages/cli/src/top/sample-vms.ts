import { isAnyBandSoxError } from "@bandsox/contract";
import type { BandSox, VmStats } from "bandsox";
import type { Sample } from "./top-rows.ts";

/** Guests asked at once */
const AT_ONCE = 16;
/** A guest that says nothing for so long is shown without its numbers */
const PATIENCE_MS = 2000;

/** Looks at every VM, and asks those that run how they are. */
export async function sampleVms(bandsox: BandSox, signal: AbortSignal): Promise<Sample[]> {
  const vms = await bandsox.listVms({ signal });
  const samples: Sample[] = [];
  for (let at = 0; at < vms.length; at += AT_ONCE) {
    const some = vms.slice(at, at + AT_ONCE).map(async (vm): Promise<Sample> => {
      if (vm.state !== "running") return { vm };
      return { vm, stats: await statsOf(bandsox, vm.id, signal) };
    });
    samples.push(...(await Promise.all(some)));
  }
  return samples;
}

async function statsOf(bandsox: BandSox, id: string, signal: AbortSignal): Promise<VmStats | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    return await (await bandsox.getVm(id)).stats({ signal: patience });
  } catch (error) {
    if (signal.aborted || !isAnyBandSoxError(error)) throw error;
    return undefined; // it stopped, or is stuck: that is shown
  }
}
