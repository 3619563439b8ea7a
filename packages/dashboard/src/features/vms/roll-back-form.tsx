import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { formatTime } from "../../ui/format.ts";
import { snapshotsQuery } from "../snapshots/snapshot-queries.ts";

/** Asks which of a VM's snapshots it is to become again. */
export function RollBackForm({ vm }: { vm: { readonly id: string; readonly name: string } }) {
  const { data: snapshots = [] } = useQuery(snapshotsQuery);
  const own = snapshots.filter(({ vmId }) => vmId === vm.id);
  const [chosen, setChosen] = useState<string | null>(null);
  const rollBack = useMutation({
    mutationFn: (snapshot: string) =>
      server.call("POST /api/vms/:id/rollback", { params: { id: vm.id }, body: { snapshot }, timeoutMs: 0 }),
    onSuccess: () => {
      modals.closeAll();
      notifyDone(`${vm.name} is what it was.`);
    },
  });
  if (own.length === 0)
    return <Text size="sm">No snapshot of {vm.name} was taken, so there is nothing to go back to.</Text>;
  return (
    <Stack>
      <Text size="sm">What {vm.name} has done since is lost.</Text>
      <Select
        label="Snapshot"
        data={own.map(({ id, name, createdAt }) => ({
          value: id,
          label: `${name}, ${formatTime(createdAt)}`,
        }))}
        value={chosen}
        onChange={setChosen}
      />
      <Group justify="flex-end">
        <Button variant="default" onClick={() => modals.closeAll()}>
          Cancel
        </Button>
        <Button
          disabled={!chosen}
          loading={rollBack.isPending}
          onClick={() => chosen && rollBack.mutate(chosen)}
        >
          Roll back
        </Button>
      </Group>
    </Stack>
  );
}
