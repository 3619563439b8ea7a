import { Group, Loader, Progress, Stack, Text } from "@mantine/core";
import { formatBytes, shortDigest } from "../../ui/format.ts";
import type { WorkProgress } from "./create-progress.logic.ts";
import { Waterfall } from "./waterfall.tsx";

/** How far something that takes long is. */
export function WorkProgressView({ progress }: { progress: WorkProgress }) {
  return (
    <Stack gap="sm">
      <Group gap="sm" wrap="nowrap">
        <Loader size="sm" aria-label="Working" />
        <Text size="sm" aria-live="polite" style={{ overflowWrap: "anywhere" }}>
          {progress.now}
        </Text>
      </Group>
      {progress.layers.map(({ digest, sizeBytes, receivedBytes }) => (
        <Group key={digest} gap="sm" wrap="nowrap">
          <Text size="xs" className="mono" w={100}>
            {shortDigest(digest)}
          </Text>
          <Progress
            flex={1}
            aria-label={`Layer ${shortDigest(digest)}`}
            value={sizeBytes > 0 ? (receivedBytes / sizeBytes) * 100 : 100}
          />
          <Text size="xs" c="dimmed" w={140} ta="right">
            {formatBytes(receivedBytes)} of {formatBytes(sizeBytes)}
          </Text>
        </Group>
      ))}
      {progress.stages.length > 0 && <Waterfall stages={progress.stages} />}
    </Stack>
  );
}
