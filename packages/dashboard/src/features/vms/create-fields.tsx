import { Autocomplete, NumberInput, SimpleGrid, Stack, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { KeyValues } from "../../ui/key-values.tsx";
import { imagesQuery } from "../images/image-queries.ts";
import type { CreateForm } from "./create-form.ts";

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
      <Switch
        label="Network"
        description="Whether the guest has a network"
        checked={form.networking}
        onChange={(event) => set({ networking: event.currentTarget.checked })}
      />
      <KeyValues label="Environment" rows={form.env} onChange={(env) => set({ env })} />
      <KeyValues label="Metadata" rows={form.metadata} onChange={(metadata) => set({ metadata })} />
    </Stack>
  );
}

function Sizes({ form, set }: { form: CreateForm; set: (fields: Partial<CreateForm>) => void }) {
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
