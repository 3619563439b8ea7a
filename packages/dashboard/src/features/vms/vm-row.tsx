import type { VmInfo } from "@bandsox/contract";
import { ActionIcon, Anchor, Checkbox, Group, Menu, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Ago } from "../../ui/ago.tsx";
import { formatMib, formatTime } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { IconButton } from "../../ui/icon-button.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { useVmVerbs, VERBS, VerbItems } from "./vm-actions.tsx";
import { canDo } from "./vm-verbs.logic.ts";

interface VmRowProps {
  readonly vm: VmInfo;
  readonly isSelected: boolean;
  readonly onToggle: (id: string) => void;
}

/** One VM in the list. Drawn again only when it has changed: of hundreds that scroll by, most have not. */
export const VmRow = memo(function VmRow({ vm, isSelected, onToggle }: VmRowProps) {
  return (
    <div className="row vm-row" style={{ height: "100%" }} data-vm={vm.id}>
      <Checkbox aria-label={`Choose ${vm.name}`} checked={isSelected} onChange={() => onToggle(vm.id)} />
      <div className="vm-cell-name">
        <Anchor
          renderRoot={(props) => <Link to="/vms/$vmId" params={{ vmId: vm.id }} {...props} />}
          fw={600}
          c="inherit"
          truncate
          display="block"
        >
          {vm.name}
        </Anchor>
        {vm.name !== vm.id && (
          <Text size="xs" c="dimmed" className="mono" truncate>
            {vm.id}
          </Text>
        )}
      </div>
      <StateBadge state={vm.state} />
      <Text size="sm" truncate className="vm-cell-image" title={vm.image}>
        {vm.image}
      </Text>
      <Text size="sm" className="vm-cell-memMib">
        {vm.vcpu} vCPU · {formatMib(vm.memMib)}
      </Text>
      <Text size="sm" c="dimmed" className="vm-cell-createdAt" title={formatTime(vm.createdAt)}>
        <Ago at={vm.createdAt} />
      </Text>
      <RowActions vm={vm} />
    </div>
  );
});

function RowActions({ vm }: { vm: VmInfo }) {
  const { run, busyVerb, openTerminal } = useVmVerbs(vm);
  const allowed = VERBS.map(({ verb }) => verb).filter((verb) => canDo(verb, vm.state));
  const quick = VERBS.find(
    ({ verb }) => ["start", "resume", "pause"].includes(verb) && allowed.includes(verb),
  );
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      {vm.state === "running" && (
        <IconButton icon="terminal" label={`Terminal of ${vm.name}`} onClick={openTerminal} />
      )}
      {quick && (
        <IconButton
          icon={quick.icon}
          label={`${quick.label} ${vm.name}`}
          isLoading={busyVerb !== undefined}
          onClick={() => run(quick.verb)}
        />
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" c="inherit" size="lg" aria-label={`More for ${vm.name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <VerbItems verbs={allowed} onRun={run} />
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
