import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Failure } from "../../ui/failure.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Page } from "../../ui/page.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { CreateVmDialog } from "./create-vm-dialog.tsx";
import { FirstVm } from "./first-vm.tsx";
import { type VmListView, visibleVms } from "./vm-list.logic.ts";
import { vmsQuery } from "./vm-queries.ts";
import { VmTable } from "./vm-table.tsx";
import { VmToolbar } from "./vm-toolbar.tsx";

const INITIAL: VmListView = { search: "", states: [], sort: "createdAt", isDescending: true };

/** Home: every VM, as it is now. */
export function VmListPage() {
  const { q, create } = useSearch({ from: "/shell/" });
  const navigate = useNavigate();
  const { data: vms, error, refetch } = useQuery(vmsQuery);
  const [view, setView] = useState<VmListView>({ ...INITIAL, search: q ?? "" });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => visibleVms(vms ?? [], view), [vms, view]);
  const chosen = shown.filter(({ id }) => selected.has(id));
  const setCreating = (isCreating: boolean) =>
    void navigate({ to: "/", search: (now) => ({ ...now, create: isCreating ? "1" : undefined }) });
  const running = vms?.filter(({ state }) => state === "running").length ?? 0;
  return (
    <Page
      title="VMs"
      subtitle={vms && `${vms.length} in this storage, ${running} running`}
      actions={
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
          Create VM
        </Button>
      }
    >
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {vms?.length === 0 && <FirstVm onCreate={() => setCreating(true)} />}
      {vms && vms.length > 0 && (
        <>
          <VmToolbar view={view} onChange={setView} shown={shown.length} />
          {chosen.length > 0 && <BulkBar vms={chosen} onClear={() => setSelected(new Set())} />}
          <VmTable {...{ vms: shown, view, selected }} onSelect={setSelected} onView={setView} />
        </>
      )}
      <CreateVmDialog isOpen={create !== undefined} onClose={() => setCreating(false)} />
    </Page>
  );
}
