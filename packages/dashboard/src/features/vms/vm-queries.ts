import type { VmInfo } from "@bandsox/contract";
import { fromWireVm } from "@bandsox/contract/wire";
import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";

/** All VMs, the newest first. */
export const vmsQuery = queryOptions({
  queryKey: ["vms"],
  queryFn: async ({ signal }): Promise<VmInfo[]> =>
    (await server.call("GET /api/vms", { query: {}, signal })).map(fromWireVm),
});

/** One VM. */
export function vmQuery(id: string) {
  return queryOptions({
    queryKey: ["vm", id],
    queryFn: async ({ signal }): Promise<VmInfo> =>
      fromWireVm(await server.call("GET /api/vms/:id", { params: { id }, signal })),
  });
}
