import type { VmInfo } from "@bandsox/contract";
import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Card } from "../../ui/card.tsx";
import { formatAgo, formatBytes } from "../../ui/format.ts";
import { snapshotsQuery } from "../snapshots/snapshot-queries.ts";

/** The snapshots that were taken of a VM. */
export function VmSnapshotsCard({ vm }: { vm: Pick<VmInfo, "id"> }) {
  const { data: snapshots = [] } = useQuery(snapshotsQuery);
  const own = snapshots.filter(({ vmId }) => vmId === vm.id);
  return (
    <Card title="Snapshots of it">
      {own.length === 0 && (
        <Text size="sm" c="dimmed">
          None. A snapshot keeps memory, programs and disk as of one moment, to go back to or to fork from.
        </Text>
      )}
      {own.map(({ id, name, sizeBytes, createdAt }) => (
        <Group key={id} justify="space-between" wrap="nowrap">
          <Link to="/snapshots" className="link">
            {name}
          </Link>
          <Text size="sm" c="dimmed">
            {formatBytes(sizeBytes)} · {formatAgo(createdAt)}
          </Text>
        </Group>
      ))}
    </Card>
  );
}
