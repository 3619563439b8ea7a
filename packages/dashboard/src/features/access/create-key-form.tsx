import { Alert, Button, Code, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { Copy } from "../../ui/copy.tsx";

const DAY_S = 86_400;
const SCOPES = [
  { value: "read", label: "read: look at everything" },
  { value: "exec", label: "exec: also make, use and delete VMs" },
  { value: "admin", label: "admin: also keys and the image store" },
];
const ENDS = [
  { value: "", label: "Never" },
  { value: String(DAY_S), label: "In a day" },
  { value: String(30 * DAY_S), label: "In 30 days" },
  { value: String(365 * DAY_S), label: "In a year" },
];

/** Asks what a new key may do, makes it, and shows it: once. */
export function CreateKeyForm() {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<string | null>("exec");
  const [ends, setEnds] = useState<string | null>(String(30 * DAY_S));
  const create = useMutation({
    mutationFn: () => {
      const expires = ends ? { expires_in: Number(ends) } : {};
      const body = { name: name.trim(), scope: scope as "read" | "exec" | "admin", ...expires };
      return server.call("POST /api/auth/keys", { body });
    },
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["keys"] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  if (create.data) return <NewKey text={create.data.key} />;
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          data-autofocus
          required
          label="Name"
          description="Who calls with it"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select label="Scope" data={SCOPES} value={scope} onChange={setScope} allowDeselect={false} />
        <Select label="Ends" data={ENDS} value={ends} onChange={setEnds} allowDeselect={false} />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => modals.closeAll()}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function NewKey({ text }: { text: string }) {
  return (
    <Stack>
      <Alert color="yellow" title="Keep it now">
        <Text size="sm">It is shown this once. Nobody can show it again.</Text>
      </Alert>
      <Group wrap="nowrap" gap="xs">
        <Code
          block
          flex={1}
          data-testid="new-key"
          style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}
        >
          {text}
        </Code>
        <Copy value={text} label="Copy the key" />
      </Group>
      <Group justify="flex-end">
        <Button onClick={() => modals.closeAll()}>Done</Button>
      </Group>
    </Stack>
  );
}
