import { Group, SimpleGrid, Text } from "@mantine/core";
import { Card } from "../../ui/card.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatBytes, formatDuration } from "../../ui/format.ts";
import { LineChart } from "./line-chart.tsx";
import type { Sample } from "./stats-history.logic.ts";
import { useStatsHistory } from "./use-stats-history.ts";

const percent = (value: number) => `${value.toFixed(0)} %`;
const perSecond = (value: number) => `${formatBytes(value)}/s`;

/** How busy a guest is, as it happens. */
export function Charts({ vmId }: { vmId: string }) {
  const { stats, samples, error } = useStatsHistory(vmId);
  if (error && !stats) return <Failure error={error} />;
  const last = samples.at(-1);
  return (
    <>
      <SimpleGrid cols={{ base: 2, lg: 4 }} spacing={{ base: "xs", sm: "md" }}>
        <Chart title="CPU" samples={samples} lines={["cpuPercent"]} format={percent} max={100} />
        <Chart title="Memory" samples={samples} lines={["memoryPercent"]} format={percent} max={100} />
        <Chart
          title="Disk"
          samples={samples}
          lines={["readPerSecond", "writtenPerSecond"]}
          format={perSecond}
        />
        <Chart
          {...{ title: "Network", samples, format: perSecond }}
          lines={["receivedPerSecond", "sentPerSecond"]}
        />
      </SimpleGrid>
      {stats && (
        <Group gap="lg" px={4}>
          <Figure name="up" value={formatDuration(stats.uptimeMs)} />
          <Figure name="load" value={stats.load.map((value) => value.toFixed(2)).join(" ")} />
          <Figure name="processes" value={String(stats.processes)} />
          <Figure
            name="memory"
            value={`${formatBytes(stats.memory.totalBytes - stats.memory.availableBytes)} of ${formatBytes(stats.memory.totalBytes)}`}
          />
          <Figure
            name="disk"
            value={`${formatBytes(stats.disk.usedBytes)} of ${formatBytes(stats.disk.totalBytes)}${last ? `, ${percent(last.diskPercent)}` : ""}`}
          />
          {stats.oomKills > 0 && <Figure name="killed for want of memory" value={String(stats.oomKills)} />}
        </Group>
      )}
    </>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <Text size="sm">
      <Text span c="dimmed" mr={6}>
        {name}
      </Text>
      {value}
    </Text>
  );
}

interface ChartProps {
  readonly title: string;
  readonly samples: readonly Sample[];
  readonly lines: readonly Exclude<keyof Sample, "at">[];
  readonly format: (value: number) => string;
  readonly max?: number;
}

const NAMES: Partial<Record<keyof Sample, string>> = {
  ...{ readPerSecond: "read", writtenPerSecond: "written" },
  ...{ receivedPerSecond: "received", sentPerSecond: "sent" },
};

function Chart({ title, samples, lines, format, max }: ChartProps) {
  const last = samples.at(-1);
  const now = lines
    .map((line) => [NAMES[line], last?.[line] ?? null] as const)
    .filter((entry): entry is readonly [string | undefined, number] => entry[1] !== null)
    .map(([name, value]) => `${name ? `${name} ` : ""}${format(value)}`)
    .join(" · ");
  return (
    <Card
      title={title}
      actions={
        <Text size="xs" c="dimmed" data-testid={`chart-${title}`}>
          {now || "—"}
        </Text>
      }
    >
      <LineChart {...{ samples, lines, format, max }} label={`${title}: ${now || "nothing yet"}`} />
    </Card>
  );
}
