import { Group, Stack, Text } from "@mantine/core";
import { formatDuration } from "../../ui/format.ts";
import { type WorkProgress, waterfall } from "./create-progress.logic.ts";

/** How long each part of a creation took, one below the other. */
export function Waterfall({ stages }: Pick<WorkProgress, "stages">) {
  return (
    <Stack gap={4}>
      {waterfall(stages).map(({ name, durationMs, offset, width }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: stages only ever come to the end
        <Group key={index} gap="sm" wrap="nowrap">
          <Text size="xs" w={70}>
            {name}
          </Text>
          <div style={{ flex: 1, height: 10, position: "relative" }} aria-hidden="true">
            <div
              style={{
                ...{ position: "absolute", left: `${offset}%`, width: `max(2px, ${width}%)`, height: "100%" },
                ...{ background: "var(--mantine-color-emerald-5)", borderRadius: 3 },
              }}
            />
          </div>
          <Text size="xs" c="dimmed" w={64} ta="right">
            {formatDuration(durationMs)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
