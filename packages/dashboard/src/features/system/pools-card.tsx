import { Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import { Card } from "../../ui/card.tsx";
import { formatDuration, formatMib } from "../../ui/format.ts";

const EVERY_MS = 10_000;

/** VMs that are kept ready. */
export function PoolsCard() {
  const { data: pools = [] } = useQuery({
    queryKey: ["pools"],
    queryFn: ({ signal }) => server.call("GET /api/pools", { signal }),
    ...{ refetchInterval: EVERY_MS, staleTime: 0 },
  });
  if (pools.length === 0) return null;
  return (
    <Card title="Pools">
      <Text size="sm" c="dimmed">
        A VM that is created with a pool's image and shape is one that runs already.
      </Text>
      <Table.ScrollContainer minWidth={560}>
        <Table aria-label="Pools">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Image</Table.Th>
              <Table.Th>Shape</Table.Th>
              <Table.Th>Ready</Table.Th>
              <Table.Th>Taken</Table.Th>
              <Table.Th>To make one</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {pools.map(({ id, image, vcpu, mem_mib, ready, size, hits, misses, refill_ms }) => (
              <Table.Tr key={id}>
                <Table.Td>{image}</Table.Td>
                <Table.Td>{`${vcpu} vCPU, ${formatMib(mem_mib)}`}</Table.Td>
                <Table.Td>{`${ready} of ${size}`}</Table.Td>
                <Table.Td>{`${hits}, and ${misses} times none was ready`}</Table.Td>
                <Table.Td>{refill_ms > 0 ? formatDuration(refill_ms) : "not known yet"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}
