import type { VmInfo } from "@bandsox/contract";
import { Button, Group, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { notifyDone, notifyError } from "../../api/errors.tsx";
import { confirm } from "../../ui/confirm.tsx";
import { Icon } from "../../ui/icon.tsx";
import { doToEach, doWithVm, takeSnapshot } from "./vm-calls.ts";
import { idsAllowing } from "./vm-verbs.logic.ts";

type BulkVerb = "start" | "stop" | "snapshot" | "delete";
const BUTTONS = [
  { verb: "start", label: "Start", icon: "play" },
  { verb: "stop", label: "Stop", icon: "stop" },
  { verb: "snapshot", label: "Snapshot", icon: "camera" },
  { verb: "delete", label: "Delete", icon: "trash" },
] as const;

/** What can be done with all VMs that are chosen. Each verb reaches those it does something to. */
export function BulkBar({ vms, onClear }: { vms: readonly VmInfo[]; onClear: () => void }) {
  const bulk = useMutation({
    mutationFn: async (verb: BulkVerb) => {
      const ids = idsAllowing(vms, verb);
      const work = (id: string) => (verb === "snapshot" ? takeSnapshot(id) : doWithVm(verb, id));
      const failures = await doToEach(ids, work);
      for (const failure of failures) notifyError(failure);
      return { verb, done: ids.length - failures.length };
    },
    onSuccess: ({ verb, done }) => {
      notifyDone(`${verb}: ${done} done.`);
      onClear();
    },
  });
  const run = (verb: BulkVerb, count: number) => {
    const text =
      verb === "delete" ? "Their disks go with them." : "Their programs are ended; their disks stay.";
    if (verb === "start" || verb === "snapshot") bulk.mutate(verb);
    else
      confirm({
        ...{ title: `${verb === "delete" ? "Delete" : "Stop"} ${count} VMs?`, text },
        ...{ verb: verb === "delete" ? "Delete" : "Stop", onConfirm: () => bulk.mutate(verb) },
      });
  };
  return (
    <Group className="surface" px="md" py="xs" gap="xs">
      <Text size="sm" fw={600} mr="auto">
        {vms.length} chosen
      </Text>
      {BUTTONS.map(({ verb, label, icon }) => {
        const count = idsAllowing(vms, verb).length;
        return (
          <Button
            key={verb}
            size="xs"
            variant="default"
            leftSection={<Icon name={icon} size={14} />}
            disabled={count === 0 || bulk.isPending}
            loading={bulk.isPending && bulk.variables === verb}
            onClick={() => run(verb, count)}
          >
            {label} ({count})
          </Button>
        );
      })}
      <Button size="xs" variant="subtle" color="gray" c="inherit" onClick={onClear}>
        Clear
      </Button>
    </Group>
  );
}
