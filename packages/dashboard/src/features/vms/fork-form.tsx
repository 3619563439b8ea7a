import { Button, Group, NumberInput, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { notifyDone, notifyError } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";

const COUNT_MAX = 64;

/** Asks how many VMs are to go on from where one is now. */
export function ForkForm({ vm }: { vm: { readonly id: string; readonly name: string } }) {
  const [count, setCount] = useState(1);
  const fork = useMutation({
    mutationFn: () =>
      server.call("POST /api/vms/:id/fork", { params: { id: vm.id }, body: { count }, timeoutMs: 0 }),
    onSuccess: (children) => {
      modals.closeAll();
      for (const child of children) if ("error" in child) notifyError(new Error(child.error));
      notifyDone(`${children.filter((child) => "vm" in child).length} of ${count} made from ${vm.name}.`);
    },
  });
  return (
    <Stack>
      <Text size="sm">
        Each goes on where {vm.name} is now, with its memory, its programs and its disk, on its own.
      </Text>
      <NumberInput
        data-autofocus
        label="How many"
        min={1}
        max={COUNT_MAX}
        value={count}
        onChange={(value) => setCount(Number(value) || 1)}
      />
      <Group justify="flex-end">
        <Button variant="default" onClick={() => modals.closeAll()}>
          Cancel
        </Button>
        <Button loading={fork.isPending} onClick={() => fork.mutate()}>
          Fork
        </Button>
      </Group>
    </Stack>
  );
}
