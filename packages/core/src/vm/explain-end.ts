import { BandSoxError, END_CAUSES, isBandSoxError, type VmId } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import { settle } from "./reconcile.ts";
import type { VmPorts } from "./vm-ports.ts";

/** A supervisor outlives its VMM by the time it takes to write down how that ended. */
const RECORD_PATIENCE_MS = 1_500;

/** An error of talking to a guest, or the end of its VM if that is what it means. */
export async function explained(ports: VmPorts, id: VmId, error: unknown): Promise<unknown> {
  if (!isBandSoxError(error, "guest_unreachable")) return error;
  const before = ports.records.find(id);
  if (before) {
    const paths = vmPaths(ports.paths, id);
    await ports.engine(before.engine).waitForExit(paths, RECORD_PATIENCE_MS);
    const now = await settle(ports, before);
    if (now && now.state !== "stopped" && now.state !== "failed") return error;
  }
  const end = ports.ends.find(id);
  if (!end) return error;
  const { cause, summary } = end;
  const message = `${id} has ended meanwhile: ${summary}`;
  const details = { vmId: id, cause, summary, advice: END_CAUSES[cause] };
  return new BandSoxError("vm_ended", message, details, { cause: error });
}
