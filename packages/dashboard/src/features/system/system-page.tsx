import { Anchor, Group, SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import { useConnection } from "../../live/connection.ts";
import { Card } from "../../ui/card.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatBytes, formatMib } from "../../ui/format.ts";
import { Page } from "../../ui/page.tsx";
import { snapshotsQuery } from "../snapshots/snapshot-queries.ts";
import { vmsQuery } from "../vms/vm-queries.ts";
import { DoctorCard } from "./doctor-card.tsx";
import { HostCard } from "./host-card.tsx";
import { LeaksCard } from "./leaks-card.tsx";
import { PoolsCard } from "./pools-card.tsx";

/** The server, and what it carries. */
export function SystemPage() {
  const { data: info, error } = useQuery({
    queryKey: ["info"],
    queryFn: ({ signal }) => server.call("GET /api/info", { signal }),
  });
  const { data: vms = [] } = useQuery(vmsQuery);
  const { data: snapshots = [] } = useQuery(snapshotsQuery);
  const connection = useConnection();
  const alive = vms.filter(({ state }) => state === "running" || state === "paused");
  const memory = alive.reduce((sum, { memMib }) => sum + memMib, 0);
  return (
    <Page title="System" subtitle={info && `BandSox ${info.version}`}>
      {error && <Failure error={error} />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
        <Figure title="Connection" value={connection} note="to this server" />
        <Figure title="VMs" value={String(vms.length)} note={`${alive.length} alive`} />
        <Figure title="Memory" value={formatMib(memory)} note="given to VMs that are alive" />
        <Figure
          title="Snapshots"
          value={String(snapshots.length)}
          note={`${formatBytes(snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))} on the disk`}
        />
      </SimpleGrid>
      <HostCard />
      <PoolsCard />
      <LeaksCard />
      <DoctorCard />
      <Card title="For programs">
        <Group>
          <Anchor href="/docs" target="_blank" rel="noopener">
            The API's description
          </Anchor>
          <Anchor href="/metrics" target="_blank" rel="noopener">
            Metrics for Prometheus
          </Anchor>
        </Group>
      </Card>
    </Page>
  );
}

function Figure({ title, value, note }: { title: string; value: string; note: string }) {
  return (
    <Card title={title}>
      <Text fz={26} fw={700}>
        {value}
      </Text>
      <Text size="sm" c="dimmed">
        {note}
      </Text>
    </Card>
  );
}
