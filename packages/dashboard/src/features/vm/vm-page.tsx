import type { VmInfo } from "@bandsox/contract";
import { Button, Group, Loader, Menu, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ComponentType, lazy, Suspense } from "react";
import { Failure } from "../../ui/failure.tsx";
import { Icon, type IconName } from "../../ui/icon.tsx";
import { Page } from "../../ui/page.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { useVmVerbs, VERBS, VerbItems } from "../vms/vm-actions.tsx";
import { vmQuery } from "../vms/vm-queries.ts";
import { canDo } from "../vms/vm-verbs.logic.ts";
import { OverviewTab } from "./overview-tab.tsx";

/** A tab whose code is loaded when it is first shown. */
function lazily(load: () => Promise<ComponentType<{ vm: VmInfo }>>) {
  return lazy(async () => ({ default: await load() }));
}

const FilesTab = lazily(() => import("../files/files-tab.tsx").then((m) => m.FilesTab));
const TerminalTab = lazily(() => import("../terminal/terminal-tab.tsx").then((m) => m.TerminalTab));
const ExecTab = lazily(() => import("./exec-tab.tsx").then((m) => m.ExecTab));
const ConsoleTab = lazily(() => import("./console-tab.tsx").then((m) => m.ConsoleTab));
const EventsTab = lazily(() => import("./events-tab.tsx").then((m) => m.EventsTab));
const NetworkTab = lazily(() => import("../network/network-tab.tsx").then((m) => m.NetworkTab));
const ProcessesTab = lazily(() => import("./processes-tab.tsx").then((m) => m.ProcessesTab));

const TABS = [
  { id: "overview", label: "Overview", icon: "gauge", Tab: OverviewTab },
  { id: "files", label: "Files", icon: "folder", Tab: FilesTab },
  { id: "terminal", label: "Terminal", icon: "terminal", Tab: TerminalTab },
  { id: "exec", label: "Run", icon: "play", Tab: ExecTab },
  { id: "network", label: "Network", icon: "shield", Tab: NetworkTab },
  { id: "processes", label: "Processes", icon: "layers", Tab: ProcessesTab },
  { id: "console", label: "Console", icon: "file", Tab: ConsoleTab },
  { id: "events", label: "Events", icon: "refresh", Tab: EventsTab },
] as const satisfies readonly { id: string; label: string; icon: IconName; Tab: unknown }[];

/** One VM: what it is, how it is, and everything that can be done with it. */
export function VmPage() {
  const { vmId } = useParams({ from: "/shell/vms/$vmId" });
  const { data: vm, error, isPending, refetch } = useQuery(vmQuery(vmId));
  if (isPending) return <Loader m="xl" aria-label="Loading" />;
  if (!vm) {
    return (
      <Page title={vmId}>
        <Failure error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  return (
    <Page title={vm.name} subtitle={<VmSubtitle vm={vm} />} actions={<VmActions vm={vm} />}>
      <VmTabs vm={vm} />
    </Page>
  );
}

function VmSubtitle({ vm }: { vm: VmInfo }) {
  return (
    <Group gap="sm">
      <StateBadge state={vm.state} />
      <span className="mono">{vm.id}</span>
    </Group>
  );
}

function VmTabs({ vm }: { vm: VmInfo }) {
  const { tab = "overview" } = useSearch({ from: "/shell/vms/$vmId" });
  const navigate = useNavigate();
  const shown = TABS.find(({ id }) => id === tab) ?? TABS[0];
  const go = (id: string | null) =>
    void navigate({ to: "/vms/$vmId", params: { vmId: vm.id }, search: { tab: id ?? undefined } });
  return (
    <Tabs value={shown.id} onChange={go} keepMounted={false}>
      <Tabs.List mb="md" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
        {TABS.map(({ id, label, icon }) => (
          <Tabs.Tab key={id} value={id} leftSection={<Icon name={icon} size={16} />}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={shown.id}>
        <Suspense fallback={<Loader m="xl" aria-label="Loading" />}>
          <shown.Tab vm={vm} />
        </Suspense>
      </Tabs.Panel>
    </Tabs>
  );
}

function VmActions({ vm }: { vm: VmInfo }) {
  const navigate = useNavigate();
  const { run, busy } = useVmVerbs({ onDeleted: () => void navigate({ to: "/" }) });
  const allowed = VERBS.filter(({ verb }) => canDo(verb, vm.state));
  const first = allowed.slice(0, 2);
  return (
    <>
      {first.map(({ verb, label, icon }) => (
        <Button
          key={verb}
          variant="default"
          leftSection={<Icon name={icon} size={16} />}
          loading={busy.get(vm.id) === verb}
          onClick={() => run(vm, verb)}
        >
          {label}
        </Button>
      ))}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<Icon name="more" size={16} />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <VerbItems verbs={allowed.slice(2).map(({ verb }) => verb)} onRun={(verb) => run(vm, verb)} />
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
