import type { VmInfo } from "@bandsox/contract";
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { Card } from "../../ui/card.tsx";
import { IconButton } from "../../ui/icon-button.tsx";
import { fromValues, type KeyValue, problemOf, toValues } from "../../ui/key-values.logic.ts";
import { KeyValues } from "../../ui/key-values.tsx";
import { metadataText } from "../vms/vm-list.logic.ts";

/** A VM's metadata, to be read and changed. */
export function MetadataCard({ vm }: { vm: Pick<VmInfo, "id" | "metadata"> }) {
  const [rows, setRows] = useState<readonly KeyValue[]>();
  const entries = Object.entries(vm.metadata);
  return (
    <Card
      title="Metadata"
      actions={
        !rows && (
          <IconButton
            icon="edit"
            label="Edit the metadata"
            onClick={() => setRows(fromValues(vm.metadata))}
          />
        )
      }
    >
      {rows && (
        <MetadataEditor {...{ id: vm.id, rows }} onChange={setRows} onClose={() => setRows(undefined)} />
      )}
      {!rows && entries.length === 0 && (
        <Text size="sm" c="dimmed">
          None. Metadata is free data of yours; VMs can be found by it.
        </Text>
      )}
      {!rows && entries.length > 0 && (
        <dl className="facts">
          {entries.map(([key, value]) => (
            <div key={key}>
              <dt style={{ overflowWrap: "anywhere" }}>{key}</dt>
              <dd className="mono">{metadataText(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </Card>
  );
}

interface MetadataEditorProps {
  readonly id: string;
  readonly rows: readonly KeyValue[];
  readonly onChange: (rows: readonly KeyValue[]) => void;
  readonly onClose: () => void;
}

function MetadataEditor({ id, rows, onChange, onClose }: MetadataEditorProps) {
  const problem = problemOf(rows);
  const save = useMutation({
    mutationFn: () =>
      server.call("PUT /api/vms/:id/metadata", { params: { id }, body: { metadata: toValues(rows) } }),
    onSuccess: () => {
      notifyDone("The metadata is saved.");
      onClose();
    },
  });
  return (
    <Stack>
      <KeyValues
        label="Entries"
        description="A value that is JSON is kept as that: 80 is a number, &quot;80&quot; a text"
        {...{ rows, onChange }}
      />
      {problem && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {problem}
        </Text>
      )}
      <Group justify="flex-end">
        <Button variant="default" size="xs" onClick={onClose}>
          Cancel
        </Button>
        <Button
          size="xs"
          disabled={problem !== undefined}
          loading={save.isPending}
          onClick={() => save.mutate()}
        >
          Save
        </Button>
      </Group>
    </Stack>
  );
}
