import { Button, Code, Group, Loader, Table, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation, useQuery } from "@tanstack/react-query";
import { hasCode, notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { confirm } from "../../ui/confirm.tsx";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatAgo, formatTime } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { Page } from "../../ui/page.tsx";
import { type KeyInfo, keysQuery } from "./access-queries.ts";
import { CreateKeyForm } from "./create-key-form.tsx";

const MS_PER_SECOND = 1000;

/** Who else may call this server, and what each may do. */
export function KeysPage() {
  const { data: keys, error, isPending, refetch } = useQuery(keysQuery);
  const isOpen = hasCode(error, "auth_disabled");
  const create = () => modals.open({ title: "Create an API key", children: <CreateKeyForm /> });
  return (
    <Page
      title="API keys"
      subtitle="What programs call this server with"
      actions={
        keys && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={create}>
            Create key
          </Button>
        )
      }
    >
      {isPending && <Loader aria-label="Loading" />}
      {isOpen && (
        <div className="surface">
          <Empty icon="shield" title="This server is open to everyone on this machine">
            <Code>bandsox auth init</Code> makes a password and a first key; then keys are made and revoked
            here.
          </Empty>
        </div>
      )}
      {error && !isOpen && <Failure error={error} onRetry={() => void refetch()} />}
      {keys?.length === 0 && <Empty icon="key" title="No keys" />}
      {keys && keys.length > 0 && <KeyTable keys={keys} />}
    </Page>
  );
}

function KeyTable({ keys }: { keys: readonly KeyInfo[] }) {
  return (
    <Table.ScrollContainer minWidth={760} className="surface">
      <Table aria-label="API keys" verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            {["Name", "Id", "Scope", "Limits", "Created", "Last used", "Ends"].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
            <Table.Th aria-label="Actions" />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <KeyRow key={key.id} apiKey={key} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function KeyRow({ apiKey }: { apiKey: KeyInfo }) {
  const { id, name, scope, created_at, last_used_at, expires_at, max_vms, max_memory_mib } = apiKey;
  const revoke = useMutation({
    mutationFn: () => server.call("DELETE /api/auth/keys/:key_id", { params: { key_id: id } }),
    onSuccess: () => {
      notifyDone(`${name} is revoked.`);
      void queries.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const text = "Who calls with it is refused from now on. This cannot be undone.";
  const ask = () =>
    confirm({ title: `Revoke ${name}?`, text, verb: "Revoke", onConfirm: () => revoke.mutate() });
  const limits = [max_vms !== null && `${max_vms} VMs`, max_memory_mib !== null && `${max_memory_mib} MiB`];
  const isOver = expires_at !== null && expires_at * MS_PER_SECOND < Date.now();
  return (
    <Table.Tr>
      <Table.Td fw={600}>{name}</Table.Td>
      <Table.Td className="mono">{id}</Table.Td>
      <Table.Td>{scope}</Table.Td>
      <Table.Td>{limits.filter(Boolean).join(", ") || "none"}</Table.Td>
      <Table.Td title={formatTime(created_at * MS_PER_SECOND)}>
        {formatAgo(created_at * MS_PER_SECOND)}
      </Table.Td>
      <Table.Td>{last_used_at === null ? "never" : formatAgo(last_used_at * MS_PER_SECOND)}</Table.Td>
      <Table.Td>
        <Text size="sm" c={isOver ? "var(--mantine-color-error)" : undefined}>
          {expires_at === null ? "never" : formatTime(expires_at * MS_PER_SECOND)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end">
          <Button size="xs" variant="default" loading={revoke.isPending} onClick={ask}>
            Revoke
          </Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
