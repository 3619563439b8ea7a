import { Progress, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import { Card } from "../../ui/card.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatBytes, formatDuration } from "../../ui/format.ts";

const EVERY_MS = 5000;
const MS_PER_SECOND = 1000;

/** How busy the machine is that the VMs run on. */
export function HostCard() {
  const { data: host, error } = useQuery({
    queryKey: ["host"],
    queryFn: ({ signal }) => server.call("GET /api/host", { signal }),
    ...{ refetchInterval: EVERY_MS, staleTime: 0 },
  });
  if (error) return <Failure error={error} />;
  if (!host) return null;
  const memoryUsed = host.memory_total_bytes - host.memory_available_bytes;
  const storageUsed = host.storage_total_bytes - host.storage_available_bytes;
  const [load = 0] = host.load;
  return (
    <Card title="Host">
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <Share
          name="Load"
          share={load / host.cpus}
          text={`${load.toFixed(2)} on ${host.cpus} processors, up ${formatDuration(host.uptime_seconds * MS_PER_SECOND)}`}
        />
        <Share
          name="Memory"
          share={memoryUsed / host.memory_total_bytes}
          text={`${formatBytes(memoryUsed)} of ${formatBytes(host.memory_total_bytes)}`}
        />
        <Share
          name="Storage"
          share={storageUsed / host.storage_total_bytes}
          text={`${formatBytes(host.storage_available_bytes)} free of ${formatBytes(host.storage_total_bytes)}`}
        />
      </SimpleGrid>
    </Card>
  );
}

const TIGHT = 0.9;

function Share({ name, share, text }: { name: string; share: number; text: string }) {
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        {name}
      </Text>
      <Progress
        aria-label={name}
        value={Math.min(100, share * 100)}
        color={share > TIGHT ? "red.7" : "emerald"}
      />
      <Text size="xs" c="dimmed">
        {text}
      </Text>
    </Stack>
  );
}
