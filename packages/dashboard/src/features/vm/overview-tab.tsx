import type { VmInfo } from "@bandsox/contract";
import { Alert, SimpleGrid, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Card } from "../../ui/card.tsx";
import { Copy } from "../../ui/copy.tsx";
import { formatDuration, formatMib, formatTime, shortDigest } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { creationOf } from "../vms/creations.ts";
import { Waterfall } from "../vms/waterfall.tsx";
import { Charts } from "./charts.tsx";
import { egressText } from "./egress-text.logic.ts";
import { MetadataCard } from "./metadata-card.tsx";
import { VmSnapshotsCard } from "./vm-snapshots-card.tsx";

/** What a VM is, and how it is. */
export function OverviewTab({ vm }: { vm: VmInfo }) {
  const stages = creationOf(vm.id);
  return (
    <Stack>
      {vm.ended && (
        <Alert color={vm.failure ? "red" : "gray"} icon={<Icon name="alert" />} title="How it ended">
          <Text size="sm">{vm.ended.summary}</Text>
          <Text size="sm" c="dimmed">{`${formatTime(vm.ended.at)} · ${vm.ended.advice}`}</Text>
        </Alert>
      )}
      {vm.failure && (
        <Alert color="red" icon={<Icon name="alert" />} title="Why it failed">
          <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>
            {vm.failure}
          </Text>
        </Alert>
      )}
      {vm.state === "running" && <Charts vmId={vm.id} />}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Card title="Machine">
          <Facts facts={factsOf(vm)} />
        </Card>
        <MetadataCard vm={vm} />
        {stages && stages.length > 0 && (
          <Card title="How it came up">
            <Waterfall stages={stages} />
          </Card>
        )}
        <VmSnapshotsCard vm={vm} />
      </SimpleGrid>
    </Stack>
  );
}

type Fact = readonly [name: string, value: ReactNode];

function factsOf(vm: VmInfo): Fact[] {
  const { id, image, imageDigest, engine, vcpu, memMib, diskSizeMib, transport } = vm;
  return [
    ["Id", <Copied key="id" text={id} />],
    ["Image", image],
    ...(imageDigest
      ? [["Digest", <Copied key="d" text={imageDigest} shown={shortDigest(imageDigest)} />] as Fact]
      : []),
    ["Engine", transport ? `${engine}, over ${transport}` : engine],
    ["Processors", `${vcpu} vCPU`],
    ["Memory", formatMib(memMib)],
    ["Disk", formatMib(diskSizeMib)],
    ...networkOf(vm),
    [
      "Made from",
      vm.snapshotId ? (
        <Link key="s" to="/snapshots">
          {vm.snapshotId}
        </Link>
      ) : (
        "its image"
      ),
    ],
    ["Created", formatTime(vm.createdAt)],
    ...limitsOf(vm),
    [
      "Environment",
      Object.keys(vm.env).length === 0 ? "as the image has it" : `${Object.keys(vm.env).length} variables`,
    ],
  ];
}

function networkOf({ networking, network }: VmInfo): Fact[] {
  if (!network) return [["Network", networking ? "on, while it runs" : "off"]];
  const ports = network.ports.map(({ guest, host, address }) => `${address}:${host} → ${guest}`);
  return [
    ["Network", egressText(network.egress)],
    ...(network.address ? [["Address", <Copied key="a" text={network.address} />] as const] : []),
    ...(ports.length > 0 ? [["Ports", ports.join(", ")] as const] : []),
    ...(network.networks.length > 0 ? [["Shared with", network.networks.join(", ")] as const] : []),
  ];
}

function limitsOf({ expiresAt, onTimeout = "stop", idleTimeoutMs, onIdle = "pause" }: VmInfo): Fact[] {
  return [
    ...(expiresAt ? [["Its time", `until ${formatTime(expiresAt)}, then ${onTimeout}`] as const] : []),
    ...(idleTimeoutMs ? [["When idle", `${onIdle} after ${formatDuration(idleTimeoutMs)}`] as const] : []),
  ];
}

function Copied({ text, shown = text }: { text: string; shown?: string }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 4 }}>
      <span className="mono">{shown}</span>
      <Copy value={text} />
    </span>
  );
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
