import { Alert, Button, Code, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
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

const LIMITS = [
  { field: "max_vms", label: "VMs", least: 0 },
  { field: "max_memory_mib", label: "Their memory, MiB", least: 0 },
  { field: "max_concurrent", label: "Calls at once", least: 1 },
] as const;
type Limits = Partial<Record<(typeof LIMITS)[number]["field"], number>>;

/** Asks what a new key may do, makes it, and shows it: once. */
export function CreateKeyForm() {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<string | null>("exec");
  const [ends, setEnds] = useState<string | null>(String(30 * DAY_S));
  const [limits, setLimits] = useState<Limits>({});
  const create = useMutation({
    mutationFn: () => {
      const expires = ends ? { expires_in: Number(ends) } : {};
      const body = { name: name.trim(), scope: scope as "read" | "exec" | "admin", ...expires, ...limits };
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
        <LimitFields limits={limits} onChange={setLimits} />
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

function LimitFields({ limits, onChange }: { limits: Limits; onChange: (limits: Limits) => void }) {
  return (
    <Group grow align="flex-end">
      {LIMITS.map(({ field, label, least }) => (
        <NumberInput
          key={field}
          {...{ label, min: least, allowDecimal: false, allowNegative: false }}
          placeholder="no limit"
          value={limits[field] ?? ""}
          onChange={(value) => {
            const { [field]: _, ...others } = limits;
            onChange(typeof value === "number" ? { ...others, [field]: value } : others);
          }}
        />
      ))}
    </Group>
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
