import { Button, Group, Menu, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { notifyDone } from "../../api/errors.tsx";
import { formatAgo, formatBytes, formatTime } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { askDelete, askMetadata, askRename, askRestore, exportHref } from "./snapshot-actions.tsx";
import type { TreeRow } from "./snapshot-tree.logic.ts";

const INDENT_PX = 22;
const DEPTH_SHOWN_MAX = 6;

/** One snapshot in the tree. */
export function SnapshotRow({ snapshot, depth }: TreeRow) {
  const { id, name, vmId, vmName, sizeBytes, createdAt, pausedMs, clones } = snapshot;
  return (
    <div className="row snapshot-row" data-snapshot={id}>
      <Group
        gap={8}
        wrap="nowrap"
        style={{ minWidth: 0, paddingLeft: Math.min(depth, DEPTH_SHOWN_MAX) * INDENT_PX }}
      >
        {depth > 0 && (
          <Text c="dimmed" aria-label={`${depth} below`}>
            └
          </Text>
        )}
        <div style={{ minWidth: 0 }}>
          <Text fw={600} truncate>
            {name}
          </Text>
          {name !== id && (
            <Text size="xs" c="dimmed" className="mono snapshot-id" truncate>
              {id}
            </Text>
          )}
          <Text size="xs" c="dimmed" className="snapshot-brief" truncate>
            {`of ${vmName} · ${formatBytes(sizeBytes)} · ${formatAgo(createdAt)}`}
          </Text>
        </div>
      </Group>
      <div className="snapshot-vm" style={{ minWidth: 0 }}>
        <Link to="/vms/$vmId" params={{ vmId }} className="link">
          <Text size="sm" truncate>
            {vmName}
          </Text>
        </Link>
        <Text size="xs" c="dimmed">
          {clones.length === 0 ? "nothing goes on from it" : `${clones.length} go on from it`}
        </Text>
      </div>
      <Text size="sm" className="snapshot-size">
        {formatBytes(sizeBytes)}
      </Text>
      <Text
        size="sm"
        c="dimmed"
        className="snapshot-size"
        title={`${formatTime(createdAt)}; stood still ${pausedMs} ms`}
      >
        {formatAgo(createdAt)}
      </Text>
      <RowActions snapshot={snapshot} />
    </div>
  );
}

function RowActions({ snapshot }: Pick<TreeRow, "snapshot">) {
  return (
    <Group gap={4} wrap="nowrap" justify="flex-end">
      <Button size="xs" variant="default" onClick={() => askRestore(snapshot)}>
        Restore
      </Button>
      <RowMenu label={`More for ${snapshot.name}`} items={() => <SnapshotItems snapshot={snapshot} />} />
    </Group>
  );
}

function SnapshotItems({ snapshot }: Pick<TreeRow, "snapshot">) {
  return (
    <>
      <Menu.Item leftSection={<Icon name="edit" size={16} />} onClick={() => askRename(snapshot)}>
        Rename
      </Menu.Item>
      <Menu.Item leftSection={<Icon name="file" size={16} />} onClick={() => askMetadata(snapshot)}>
        Metadata
      </Menu.Item>
      <Menu.Item
        component="a"
        href={exportHref(snapshot)}
        download
        leftSection={<Icon name="download" size={16} />}
        onClick={() => notifyDone(`${snapshot.name} is being packed; the download begins by itself.`)}
      >
        Export
      </Menu.Item>
      <Menu.Item
        c="var(--mantine-color-error)"
        leftSection={<Icon name="trash" size={16} />}
        onClick={() => askDelete(snapshot)}
      >
        Delete
      </Menu.Item>
    </>
  );
}
