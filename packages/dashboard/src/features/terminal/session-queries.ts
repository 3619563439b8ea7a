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

/** Starts the user's shell on a terminal. @returns the session's id */
export async function startTerminal(vmId: string): Promise<string> {
  const body = { terminal: { cols: 80, rows: 24 } };
  return (await server.call("POST /api/vms/:id/sessions", { params: { id: vmId }, body })).id;
}

/** Ends a terminal's shell. */
export async function endTerminal(vmId: string, session: string): Promise<void> {
  await server.call("DELETE /api/vms/:id/sessions/:session", { params: { id: vmId, session } });
}
