import { followChanges } from "../host/follow-changes.ts";
import { msUntil } from "../host/moment.ts";
import { reconcile } from "./reconcile.ts";
import type { VmPorts } from "./vm-ports.ts";

/** A host that slept meanwhile has timers that are late; with a VM to be deleted they are looked at this often. */
const TIMER_MAX_MS = 60_000;

/**
 * Looks after the storage until `signal` fires: what happens to VMs by themselves is noted when it does, and those that
 * are to be deleted at some time are, also when they do not run. Without this it is whoever opens the storage next.
 */
export async function attend(ports: VmPorts, signal: AbortSignal): Promise<void> {
  // Followed before the storage is looked at: what happens between the two is told.
  using changes = followChanges(ports.paths.vmSignal, signal);
  let change = changes.next();
  for (;;) {
    if (signal.aborted) return;
    await reconcile(ports, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    const happened = await within(change, nextDeadline(ports));
    if (happened === false) return;
    if (happened) change = changes.next();
  }
}

/** What a promise gives, or `undefined` when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number | undefined): Promise<T | undefined> {
  if (ms === undefined) return promise;
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), Math.min(Math.max(ms, 1), TIMER_MAX_MS));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The time until the first VM that nobody else looks after is to be deleted, in ms. */
function nextDeadline(ports: VmPorts): number | undefined {
  const now = ports.moment();
  const times = ports.records
    .list()
    .filter(({ state, spec }) => spec.onTimeout === "delete" && (state === "stopped" || state === "failed"))
    .map(({ deadline }) => (deadline ? msUntil(deadline, now) : Number.POSITIVE_INFINITY))
    .filter(Number.isFinite);
  return times.length > 0 ? Math.min(...times) : undefined;
}
