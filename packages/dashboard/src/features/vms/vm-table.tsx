import type { VmInfo } from "@bandsox/contract";
import { Checkbox, UnstyledButton } from "@mantine/core";
import { Empty } from "../../ui/empty.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import type { SortKey, VmListView } from "./vm-list.logic.ts";
import { VmRow } from "./vm-row.tsx";

interface VmTableProps {
  readonly vms: readonly VmInfo[];
  readonly view: VmListView;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: ReadonlySet<string>) => void;
  readonly onView: (view: VmListView) => void;
}

const ROW_HEIGHT = 60;

/** The VMs that are shown, of which many can be chosen. */
export function VmTable({ vms, view, selected, onSelect, onView }: VmTableProps) {
  const chosen = vms.filter(({ id }) => selected.has(id)).length;
  const toggle = useLatest((id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  });
  return (
    <div className="surface" style={{ overflow: "hidden" }}>
      <div className="row row-head vm-row">
        <Checkbox
          aria-label="Choose all that are shown"
          checked={chosen > 0 && chosen === vms.length}
          indeterminate={chosen > 0 && chosen < vms.length}
          onChange={() => onSelect(new Set(chosen === vms.length ? [] : vms.map(({ id }) => id)))}
        />
        <SortHead {...{ label: "Name", sort: "name", view, onView }} />
        <SortHead {...{ label: "State", sort: "state", view, onView }} />
        <SortHead {...{ label: "Image", sort: "image", view, onView }} />
        <SortHead {...{ label: "Size", sort: "memMib", view, onView }} />
        <SortHead {...{ label: "Created", sort: "createdAt", view, onView }} />
        <span />
      </div>
      {vms.length === 0 && (
        <Empty icon="search" title="No VM is like that">
          Change the search or the states.
        </Empty>
      )}
      <VirtualRows
        items={vms}
        keyOf={({ id }) => id}
        rowHeight={ROW_HEIGHT}
        label="VMs"
        render={(vm) => <VmRow vm={vm} isSelected={selected.has(vm.id)} onToggle={toggle} />}
      />
    </div>
  );
}

interface SortHeadProps {
  readonly label: string;
  readonly sort: SortKey;
  readonly view: VmListView;
  readonly onView: (view: VmListView) => void;
}

function SortHead({ label, sort, view, onView }: SortHeadProps) {
  const isSorted = view.sort === sort;
  const arrow = view.isDescending ? " ↓" : " ↑";
  return (
    <UnstyledButton
      className={`vm-cell-${sort}`}
      aria-label={`Sort by ${label.toLowerCase()}`}
      fz="xs"
      fw={600}
      onClick={() =>
        onView({ ...view, sort, isDescending: isSorted ? !view.isDescending : sort === "createdAt" })
      }
    >
      {label}
      {isSorted && arrow}
    </UnstyledButton>
  );
}
