import type { NetworkDecision, VmInfo } from "@bandsox/contract";
import { toWire } from "@bandsox/contract/wire";
import { Badge, Button, Group, Stack, Table, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { Card } from "../../ui/card.tsx";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatTime } from "../../ui/format.ts";
import { egressText } from "../vm/egress-text.logic.ts";
import { ruleFor, withAllowed } from "./allow-rule.logic.ts";
import { useDecisions } from "./use-decisions.ts";

/** What a guest may connect to, and what was decided; what was denied can be allowed. */
export function NetworkTab({ vm }: { vm: VmInfo }) {
  const { decisions, error } = useDecisions(vm.id);
  const { network } = vm;
  const allow = useMutation({
    mutationFn: async (rule: string) => {
      if (!network) return;
      const body = { egress: toWire(withAllowed(network.egress, rule)) };
      await server.call("PUT /api/vms/:id/network/egress", { params: { id: vm.id }, body });
      notifyDone(`${vm.name} may connect to ${rule}.`);
      await queries.invalidateQueries({ queryKey: ["vm", vm.id] });
    },
  });
  if (!vm.networking)
    return (
      <Empty icon="unplug" title="This VM has no network">
        Whether a guest has one is said when it is created.
      </Empty>
    );
  return (
    <Stack>
      <Card title="It may connect">
        <Text size="sm">{network ? egressText(network.egress) : "as it was told, when it runs"}</Text>
      </Card>
      <Card title="Decisions">
        {error !== undefined && <Failure error={error} />}
        {decisions.length === 0 && (
          <Text size="sm" c="dimmed">
            It has asked for nothing yet.
          </Text>
        )}
        {decisions.length > 0 && (
          <Decisions
            {...{ decisions, isChanging: allow.isPending }}
            onAllow={network ? (rule) => allow.mutate(rule) : undefined}
          />
        )}
      </Card>
    </Stack>
  );
}

interface DecisionsProps {
  readonly decisions: readonly NetworkDecision[];
  readonly isChanging: boolean;
  readonly onAllow: ((rule: string) => void) | undefined;
}

function Decisions({ decisions, isChanging, onAllow }: DecisionsProps) {
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table aria-label="Decisions">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>When</Table.Th>
            <Table.Th>Verdict</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th aria-label="Change" />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {decisions.map((decision, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a decision has no name, and lists only grow at one end
            <Table.Tr key={decisions.length - index}>
              <Table.Td>{formatTime(decision.at)}</Table.Td>
              <Table.Td>
                <Badge color={decision.verdict === "allow" ? "emerald.8" : "red.8"}>{decision.verdict}</Badge>
              </Table.Td>
              <Table.Td className="mono">{whatOf(decision)}</Table.Td>
              <Table.Td>{decision.rule}</Table.Td>
              <Table.Td>
                <AllowButton {...{ decision, isChanging, onAllow }} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function AllowButton({
  decision,
  isChanging,
  onAllow,
}: Omit<DecisionsProps, "decisions"> & { readonly decision: NetworkDecision }) {
  const rule = ruleFor(decision);
  if (decision.verdict === "allow" || decision.kind === "inbound" || !rule || !onAllow) return null;
  return (
    <Group justify="flex-end">
      <Button size="compact-xs" variant="default" loading={isChanging} onClick={() => onAllow(rule)}>
        Allow {rule}
      </Button>
    </Group>
  );
}

function whatOf({ kind, name, address, port, protocol }: NetworkDecision): string {
  if (kind === "name") return `the name ${name ?? ""}`;
  const place = port === undefined ? (address ?? "") : `${address}:${port}`;
  return `${kind === "inbound" ? "from " : ""}${protocol} ${place}${name ? ` (${name})` : ""}`;
}
