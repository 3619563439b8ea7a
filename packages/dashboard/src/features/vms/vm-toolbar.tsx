import type { VmState } from "@bandsox/contract";
import { VM_STATES } from "@bandsox/contract/wire";
import { Group, MultiSelect, Text, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useRef } from "react";
import { Icon } from "../../ui/icon.tsx";
import type { VmListView } from "./vm-list.logic.ts";

interface VmToolbarProps {
  readonly view: VmListView;
  readonly onChange: (view: VmListView) => void;
  readonly shown: number;
}

/** Which VMs are shown. `/` goes to the search. */
export function VmToolbar({ view, onChange, shown }: VmToolbarProps) {
  const search = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => search.current?.focus()]]);
  return (
    <Group gap="sm">
      <TextInput
        ref={search}
        type="search"
        style={{ flex: "1 1 240px" }}
        aria-label="Search VMs"
        placeholder="Search by name, image, id, or metadata as key=value   ( / )"
        leftSection={<Icon name="search" size={16} />}
        value={view.search}
        onChange={(event) => onChange({ ...view, search: event.currentTarget.value })}
        onKeyDown={(event) => event.key === "Escape" && onChange({ ...view, search: "" })}
      />
      <MultiSelect
        aria-label="States"
        placeholder={view.states.length === 0 ? "Any state" : undefined}
        data={[...VM_STATES]}
        value={[...view.states]}
        onChange={(states) => onChange({ ...view, states: states as VmState[] })}
        clearable
        miw={180}
      />
      <Text size="sm" c="dimmed" aria-live="polite">
        {shown} shown
      </Text>
    </Group>
  );
}
