import { Autocomplete, NumberInput, Select, SimpleGrid, Stack, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { KeyValues } from "../../ui/key-values.tsx";
import { imagesQuery } from "../images/image-queries.ts";
import type { CreateForm, NetworkChoice } from "./create-form.ts";

interface CreateFieldsProps {
  readonly form: CreateForm;
  readonly onChange: (form: CreateForm) => void;
}

/** What a new VM is to be. */
export function CreateFields({ form, onChange }: CreateFieldsProps) {
  const { data: images = [] } = useQuery(imagesQuery);
  const set = (fields: Partial<CreateForm>) => onChange({ ...form, ...fields });
  return (
    <Stack>
      <Autocomplete
        data-autofocus
        required
        label="Image"
        description="From a registry, or a source such as oci:./layout:tag"
        placeholder="python:3-alpine"
        data={[...new Set(images.flatMap(({ references }) => references))]}
        value={form.image}
        onChange={(image) => set({ image })}
      />
      <TextInput
        label="Name"
        description="Also the guest's host name; without one it goes by its id"
        value={form.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Sizes {...{ form, set }} />
      <Network {...{ form, set }} />
      <Select
        label="Lifetime"
        description="It is stopped then; its disk stays"
        data={LIFETIMES}
        allowDeselect={false}
        value={form.lifetimeMs}
        onChange={(lifetimeMs) => set({ lifetimeMs: lifetimeMs ?? "" })}
      />
      <KeyValues label="Environment" rows={form.env} onChange={(env) => set({ env })} />
      <KeyValues label="Metadata" rows={form.metadata} onChange={(metadata) => set({ metadata })} />
    </Stack>
  );
}

const HOUR_MS = 3_600_000;
const LIFETIMES = [
  { value: "", label: "Until it is stopped" },
  { value: String(HOUR_MS), label: "An hour" },
  { value: String(8 * HOUR_MS), label: "8 hours" },
  { value: String(24 * HOUR_MS), label: "A day" },
  { value: String(7 * 24 * HOUR_MS), label: "A week" },
];
const NETWORKS: { value: NetworkChoice; label: string }[] = [
  { value: "usual", label: "As usual on this server" },
  { value: "off", label: "None" },
  { value: "public", label: "The Internet, and nothing of this host's networks" },
  { value: "named", label: "Only what is named" },
  { value: "open", label: "Everything but other VMs" },
];

function Network({ form, set }: FormPart) {
  return (
    <>
      <Select
        label="Network"
        description="What the guest may connect to"
        data={NETWORKS}
        allowDeselect={false}
        value={form.network}
        onChange={(network) => set({ network: (network ?? "usual") as NetworkChoice })}
      />
      {form.network === "named" && (
        <TagsInput
          label="Allowed"
          description="Names, addresses and networks, with a port if only that is meant"
          placeholder={form.allowed.length === 0 ? "*.example.com, 203.0.113.7:443" : undefined}
          value={[...form.allowed]}
          onChange={(allowed) => set({ allowed })}
          splitChars={[",", " "]}
          acceptValueOnBlur
        />
      )}
    </>
  );
}

interface FormPart {
  readonly form: CreateForm;
  readonly set: (fields: Partial<CreateForm>) => void;
}

function Sizes({ form, set }: FormPart) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }}>
      <NumberInput label="vCPUs" min={1} max={32} value={form.vcpu} onChange={(vcpu) => set({ vcpu })} />
      <NumberInput
        {...{ label: "Memory", suffix: " MiB", min: 128, step: 128, value: form.memMib }}
        onChange={(memMib) => set({ memMib })}
      />
      <NumberInput
        {...{ label: "Disk", suffix: " MiB", min: 64, step: 1024, value: form.diskSizeMib }}
        onChange={(diskSizeMib) => set({ diskSizeMib })}
      />
    </SimpleGrid>
  );
}
