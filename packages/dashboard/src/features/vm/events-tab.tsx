import type { VmInfo } from "@bandsox/contract";
import { Group, Stack, Text } from "@mantine/core";
import { Empty } from "../../ui/empty.tsx";
import { formatTime } from "../../ui/format.ts";
import { detailsText } from "./event-list.logic.ts";
import { useVmEvents } from "./use-vm-events.ts";

/** What happened to a VM, the newest first. */
export function EventsTab({ vm }: { vm: VmInfo }) {
  const events = useVmEvents(vm.id);
  if (events.length === 0) return <Empty icon="refresh" title="Nothing has happened yet" />;
  return (
    <Stack gap={0} className="surface" component="ol" m={0} p={0} style={{ listStyle: "none" }}>
      {events.map(({ seq, at, type, details }) => (
        <Group
          key={seq}
          component="li"
          px="md"
          py={8}
          gap="md"
          style={{ borderBottom: "1px solid var(--app-line)" }}
        >
          <Text size="xs" c="dimmed" w={170}>
            {formatTime(at)}
          </Text>
          <Text size="sm" fw={500} w={170}>
            {type}
          </Text>
          <Text size="sm" c="dimmed" className="mono" flex="1 1 200px" style={{ overflowWrap: "anywhere" }}>
            {detailsText(details)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
