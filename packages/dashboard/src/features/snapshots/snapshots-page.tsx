import { Code, Loader, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatBytes } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { Page } from "../../ui/page.tsx";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { ImportSnapshot } from "./import-snapshot.tsx";
import { snapshotsQuery } from "./snapshot-queries.ts";
import { SnapshotRow } from "./snapshot-row.tsx";
import { snapshotTree, type TreeRow } from "./snapshot-tree.logic.ts";

const ROW_HEIGHT = 60;
const idOf = ({ snapshot }: TreeRow) => snapshot.id;

/** Every snapshot, below the one it came from. */
export function SnapshotsPage() {
  const { data: snapshots, error, isPending, refetch } = useQuery(snapshotsQuery);
  const [search, setSearch] = useState("");
  const rows = useMemo(() => {
    const term = search.toLowerCase();
    return snapshotTree(snapshots ?? []).filter(({ snapshot: { id, name, vmName, image } }) =>
      [id, name, vmName, image].some((text) => text.toLowerCase().includes(term)),
    );
  }, [snapshots, search]);
  const size = snapshots?.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
  return (
    <Page
      title="Snapshots"
      subtitle={snapshots && `${snapshots.length}, ${formatBytes(size)} together`}
      actions={<ImportSnapshot />}
    >
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loader aria-label="Loading" />}
      {snapshots?.length === 0 && (
        <div className="surface">
          <Empty icon="camera" title="No snapshots yet">
            A snapshot keeps a VM's memory, programs and disk as of one moment. Take one on a VM's page, or
            with <Code>bandsox vm snapshot</Code>; any number of VMs can go on from it.
          </Empty>
        </div>
      )}
      {snapshots && snapshots.length > 0 && (
        <>
          <TextInput
            type="search"
            aria-label="Search snapshots"
            placeholder="Search by name, VM, image or id"
            leftSection={<Icon name="search" size={16} />}
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
          <div className="surface" style={{ overflow: "hidden" }}>
            <div className="row row-head snapshot-row">
              <span>Name</span>
              <span className="snapshot-vm">Taken of</span>
              <span className="snapshot-size">Size</span>
              <span className="snapshot-size">Taken</span>
              <span />
            </div>
            <VirtualRows
              items={rows}
              keyOf={idOf}
              rowHeight={ROW_HEIGHT}
              label="Snapshots"
              render={(row) => <SnapshotRow {...row} />}
            />
          </div>
        </>
      )}
    </Page>
  );
}
