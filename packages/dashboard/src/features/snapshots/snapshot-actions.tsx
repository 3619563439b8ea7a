import type { SnapshotInfo } from "@bandsox/contract";
import { Button, Group, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { notifyDone, notifyError } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { askText } from "../../ui/ask-text.tsx";
import { confirm } from "../../ui/confirm.tsx";
import { fromValues, problemOf, toValues } from "../../ui/key-values.logic.ts";
import { KeyValues } from "../../ui/key-values.tsx";
import { doToEach } from "../vms/vm-calls.ts";

const refresh = () => queries.invalidateQueries({ queryKey: ["snapshots"] });

export function askRename({ id, name }: SnapshotInfo): void {
  askText({
    ...{ title: `Rename ${name}`, label: "Name", initial: name, verb: "Rename" },
    onAnswer: async (next) => {
      await server.call("PUT /api/snapshots/:id/name", { params: { id }, body: { name: next } });
      await refresh();
    },
  });
}

export function askDelete({ id, name, clones }: SnapshotInfo): void {
  const inUse = `${clones.length} VMs go on from it; they keep what they have. `;
  const remove = () =>
    void server
      .call("DELETE /api/snapshots/:id", { params: { id }, query: { force: clones.length > 0 ? "1" : "0" } })
      .then(refresh)
      .catch(notifyError);
  const text = `${clones.length > 0 ? inUse : ""}This cannot be undone.`;
  confirm({ title: `Delete ${name}?`, text, verb: "Delete", onConfirm: remove });
}

/** Where a snapshot is had as one file. */
export function exportHref({ id }: SnapshotInfo): string {
  return `/api/snapshots/${encodeURIComponent(id)}/export`;
}

export function askRestore(snapshot: SnapshotInfo): void {
  modals.open({ title: `Restore ${snapshot.name}`, children: <RestoreForm snapshot={snapshot} /> });
}

export function askMetadata(snapshot: SnapshotInfo): void {
  modals.open({ title: `Metadata of ${snapshot.name}`, children: <MetadataForm snapshot={snapshot} /> });
}

const COUNT_MAX = 64;

function RestoreForm({ snapshot: { id, name } }: { snapshot: SnapshotInfo }) {
  const [vmName, setVmName] = useState("");
  const [count, setCount] = useState(1);
  const restore = useMutation({
    mutationFn: async () => {
      const named = count === 1 && vmName.trim() !== "" ? { name: vmName.trim() } : {};
      const each = Array.from({ length: count }, (_, index) => String(index));
      const call = { params: { id }, body: named, timeoutMs: 0 };
      return doToEach(each, () => server.call("POST /api/snapshots/:id/restore", call));
    },
    onSuccess: (failures) => {
      for (const failure of failures) notifyError(failure);
      if (failures.length === count) return;
      modals.closeAll();
      notifyDone(`${count - failures.length} made from ${name}.`);
    },
  });
  return (
    <Stack>
      <Text size="sm">Each new VM goes on where the snapshot was taken, with everything that ran in it.</Text>
      <NumberInput
        label="How many"
        min={1}
        max={COUNT_MAX}
        value={count}
        onChange={(value) => setCount(Number(value) || 1)}
      />
      <TextInput
        data-autofocus
        label="Name"
        description={count === 1 ? "Without one it goes by its id" : "Several go by their ids"}
        disabled={count > 1}
        value={vmName}
        onChange={(event) => setVmName(event.currentTarget.value)}
      />
      <Group justify="flex-end">
        <Button variant="default" onClick={() => modals.closeAll()}>
          Cancel
        </Button>
        <Button loading={restore.isPending} onClick={() => restore.mutate()}>
          Restore
        </Button>
      </Group>
    </Stack>
  );
}

function MetadataForm({ snapshot: { id, metadata } }: { snapshot: SnapshotInfo }) {
  const [rows, setRows] = useState(
    () => fromValues(metadata) as readonly ReturnType<typeof fromValues>[number][],
  );
  const problem = problemOf(rows);
  const save = useMutation({
    mutationFn: () =>
      server.call("PUT /api/snapshots/:id/metadata", { params: { id }, body: { metadata: toValues(rows) } }),
    onSuccess: async () => {
      modals.closeAll();
      await refresh();
    },
  });
  return (
    <Stack>
      <KeyValues label="Entries" rows={rows} onChange={setRows} />
      {problem && <Text role="alert">{problem}</Text>}
      <Group justify="flex-end">
        <Button variant="default" onClick={() => modals.closeAll()}>
          Cancel
        </Button>
        <Button disabled={problem !== undefined} loading={save.isPending} onClick={() => save.mutate()}>
          Save
        </Button>
      </Group>
    </Stack>
  );
}
