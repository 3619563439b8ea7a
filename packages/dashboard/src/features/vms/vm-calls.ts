import { server } from "../../api/server.ts";
import type { VmVerb } from "./vm-verbs.logic.ts";

/** Verbs that need nothing but the VM. */
export type PlainVerb = Exclude<VmVerb, "roll back" | "rename" | "snapshot" | "fork">;

/** Does something with a VM, and returns when it is done. */
export async function doWithVm(verb: PlainVerb, id: string): Promise<void> {
  const at = { params: { id }, timeoutMs: 0 };
  if (verb === "start") await server.call("POST /api/vms/:id/start", at);
  else if (verb === "stop") await server.call("POST /api/vms/:id/stop", { ...at, body: {} });
  else if (verb === "restart") await server.call("POST /api/vms/:id/restart", { ...at, body: {} });
  else if (verb === "pause") await server.call("POST /api/vms/:id/pause", at);
  else if (verb === "resume") await server.call("POST /api/vms/:id/resume", at);
  else await server.call("DELETE /api/vms/:id", at);
}

/** Saves a VM as it is now. @returns the snapshot's id */
export async function takeSnapshot(id: string, name?: string): Promise<string> {
  const call = { params: { id }, body: name ? { name } : {}, timeoutMs: 0 };
  return (await server.call("POST /api/vms/:id/snapshot", call)).snapshot_id;
}

const AT_ONCE = 4;

/** Does something to each of many, a few at a time, and tells of those it failed for. */
export async function doToEach(ids: readonly string[], work: (id: string) => Promise<unknown>) {
  const waiting = [...ids];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      await work(id).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failures;
}
