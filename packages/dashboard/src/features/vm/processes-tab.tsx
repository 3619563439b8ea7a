import type { GuestProcess, VmInfo } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { Loader, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatBytes, formatDuration } from "../../ui/format.ts";

const EVERY_MS = 3000;
const SHOWN = "100";

/** The guest's processes, those with the most memory first. */
export function ProcessesTab({ vm }: { vm: VmInfo }) {
  const { data, error, isPending } = useQuery({
    queryKey: ["processes", vm.id],
    queryFn: async ({ signal }): Promise<GuestProcess[]> => {
      const call = { params: { id: vm.id }, query: { limit: SHOWN }, signal };
      return fromWire<GuestProcess[]>(
        (await server.call("GET /api/vms/:id/processes", call)) as Wire<GuestProcess[]>,
      );
    },
    enabled: vm.state === "running",
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
  if (vm.state !== "running")
    return (
      <Empty icon="layers" title="Only running VMs have processes">
        This one is {vm.state}.
      </Empty>
    );
  if (error && !data) return <Failure error={error} />;
  if (isPending || !data) return <Loader aria-label="Loading" />;
  return (
    <Table.ScrollContainer minWidth={640} className="surface">
      <Table aria-label="Processes">
        <Table.Thead>
          <Table.Tr>
            {["PID", "User", "State", "Memory", "CPU", "Command"].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.map(({ pid, user, state, rssBytes, cpuMs, command, name }) => (
            <Table.Tr key={pid}>
              <Table.Td>{pid}</Table.Td>
              <Table.Td>{user}</Table.Td>
              <Table.Td>{state}</Table.Td>
              <Table.Td>{formatBytes(rssBytes)}</Table.Td>
              <Table.Td>{formatDuration(cpuMs)}</Table.Td>
              <Table.Td className="mono" style={{ overflowWrap: "anywhere" }}>
                {(command || `[${name}]`).slice(0, 300)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
