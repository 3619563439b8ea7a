import type { SessionInfo } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";

/** The terminals of a VM whose shells still run, the oldest first. */
export function terminalsQuery(vmId: string) {
  return queryOptions({
    queryKey: ["sessions", vmId],
    queryFn: async ({ signal }): Promise<SessionInfo[]> => {
      const call = { params: { id: vmId }, signal };
      const wire = (await server.call("GET /api/vms/:id/sessions", call)) as Wire<SessionInfo[]>;
      const sessions = fromWire<SessionInfo[]>(wire);
      return sessions.filter(({ terminal, exit }) => terminal && !exit).toReversed();
    },
    staleTime: 0,
  });
}

/** Terminals that were started here, and that nobody has seen yet. */
const unseen = new Set<string>();

/** What marks that a terminal of a VM is being started. */
export const startingKey = (vmId: string) => ["start terminal", vmId];

/** Starts the user's shell on a terminal. @returns the session's id */
export async function startTerminal(vmId: string): Promise<string> {
  const body = { terminal: { cols: 80, rows: 24 } };
  const { id } = await server.call("POST /api/vms/:id/sessions", { params: { id: vmId }, body });
  unseen.add(id);
  return id;
}

/** The offset of what nobody has seen of a terminal's output, as far as it is known: all of it, when it was started here. */
export async function seenUpTo(vmId: string, session: string): Promise<number> {
  if (unseen.delete(session)) return 0;
  const call = { params: { id: vmId, session } };
  return (await server.call("GET /api/vms/:id/sessions/:session", call)).stdout.to;
}

/** Ends a terminal's shell. */
export async function endTerminal(vmId: string, session: string): Promise<void> {
  await server.call("DELETE /api/vms/:id/sessions/:session", { params: { id: vmId, session } });
}
