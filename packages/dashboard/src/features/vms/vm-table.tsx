import type { VmInfo } from "@bandsox/contract";
import { UnstyledButton } from "@mantine/core";
import { useNavigate, useRouter } from "@tanstack/react-router";
import { useMemo } from "react";
import { Empty } from "../../ui/empty.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { useVmVerbs } from "./vm-actions.tsx";
import type { SortKey, VmListView } from "./vm-list.logic.ts";
import { VmRow, type VmRowCalls } from "./vm-row.tsx";

interface VmTableProps {
  readonly vms: readonly VmInfo[];
  readonly view: VmListView;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: ReadonlySet<string>) => void;
  readonly onView: (view: VmListView) => void;
}

const ROW_HEIGHT = 60;
const idOf = ({ id }: VmInfo) => id;

/** The VMs that are shown, of which many can be chosen. */
export function VmTable({ vms, view, selected, onSelect, onView }: VmTableProps) {
  const { busy, calls } = useRowCalls(selected, onSelect);
  const router = useRouter();
  // Who points at the list is likely to open one of it: the code of that page comes meanwhile.
  const preload = () => void router.loadRouteChunk(router.routesByPath["/vms/$vmId"]);
  return (
    <div className="surface" style={{ overflow: "hidden" }} onPointerEnter={preload}>
      <div className="row row-head vm-row">
        <ChooseAll {...{ vms, selected, onSelect }} />
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
        keyOf={idOf}
        rowHeight={ROW_HEIGHT}
        label="VMs"
        render={(vm) => (
          <VmRow vm={vm} isSelected={selected.has(vm.id)} isBusy={busy.has(vm.id)} calls={calls} />
        )}
      />
    </div>
  );
}

function useRowCalls(selected: VmTableProps["selected"], onSelect: VmTableProps["onSelect"]) {
  const navigate = useNavigate();
  const { run, busy } = useVmVerbs();
  const toggle = useLatest((id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  });
  const open = useLatest(
    (vmId: string, tab?: string) => void navigate({ to: "/vms/$vmId", params: { vmId }, search: { tab } }),
  );
  const calls = useMemo<VmRowCalls>(() => ({ toggle, run, open }), [toggle, run, open]);
  return { busy, calls };
}

function ChooseAll({ vms, selected, onSelect }: Pick<VmTableProps, "vms" | "selected" | "onSelect">) {
  const chosen = vms.filter(({ id }) => selected.has(id)).length;
  return (
    <input
      type="checkbox"
      className="check"
      aria-label="Choose all that are shown"
      ref={(box) => {
        if (box) box.indeterminate = chosen > 0 && chosen < vms.length;
      }}
      checked={chosen > 0 && chosen === vms.length}
      onChange={() => onSelect(new Set(chosen === vms.length ? [] : vms.map(idOf)))}
    />
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
