import type { VmStats } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { server } from "../../api/server.ts";
import { type Sample, sampleOf, withSample } from "./stats-history.logic.ts";

const EVERY_MS = 2000;

/** How a running guest has been doing since this page looks at it. A guest's gauges have no events, so it is asked. */
export function useStatsHistory(vmId: string) {
  const { data: stats, error } = useQuery({
    queryKey: ["stats", vmId],
    queryFn: async ({ signal }): Promise<VmStats> =>
      fromWire<VmStats>(
        (await server.call("GET /api/vms/:id/stats", { params: { id: vmId }, signal })) as Wire<VmStats>,
      ),
    refetchInterval: EVERY_MS,
    gcTime: 0,
    staleTime: 0,
  });
  const before = useRef<VmStats>(undefined);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (!stats || before.current?.at === stats.at) return;
    const sample = sampleOf(stats, before.current);
    before.current = stats;
    setSamples((known) => withSample(known, sample));
  }, [stats]);
  return { stats, samples, error };
}
