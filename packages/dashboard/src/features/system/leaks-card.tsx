import type { CleanupReport, Leftover } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { Button, Table, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { Card } from "../../ui/card.tsx";
import { Failure } from "../../ui/failure.tsx";

const KEY = ["leaks"];
const SHOWN_MAX = 20;

async function cleanUp(dryRun: boolean): Promise<CleanupReport> {
  const call = { body: { dry_run: dryRun }, timeoutMs: 0 };
  return fromWire<CleanupReport>((await server.call("POST /api/cleanup", call)) as Wire<CleanupReport>);
}

/** What dead processes left on the host, and its clean-up. */
export function LeaksCard() {
  const { data: report, error } = useQuery({ queryKey: KEY, queryFn: () => cleanUp(true), staleTime: 0 });
  const settle = useMutation({
    mutationFn: () => cleanUp(false),
    onSuccess: async ({ removed, left }) => {
      notifyDone(`${removed.length} settled${left.length > 0 ? `, ${left.length} are still there` : ""}.`);
      await queries.invalidateQueries({ queryKey: KEY });
    },
  });
  if (error) return <Failure error={error} />;
  if (!report) return null;
  const { left } = report;
  return (
    <Card
      title="Left behind"
      actions={
        left.length > 0 && (
          <Button size="xs" variant="default" loading={settle.isPending} onClick={() => settle.mutate()}>
            Clean up
          </Button>
        )
      }
    >
      <Text data-testid="leaks" size="sm" c={left.length > 0 ? undefined : "dimmed"}>
        {left.length === 0
          ? "Nothing: every process, file and network on this host belongs to somebody."
          : `${left.length} that nobody looks after any more`}
      </Text>
      {left.length > 0 && <Leftovers left={left.slice(0, SHOWN_MAX)} />}
    </Card>
  );
}

function Leftovers({ left }: { left: readonly Leftover[] }) {
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table aria-label="Left behind">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Kind</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Found</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {left.map(({ kind, locator, found }) => (
            <Table.Tr key={`${kind} ${locator}`}>
              <Table.Td>{kind}</Table.Td>
              <Table.Td className="mono">{locator}</Table.Td>
              <Table.Td>{found}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
