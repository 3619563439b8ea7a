import { Button, Code } from "@mantine/core";
import { Empty } from "../../ui/empty.tsx";
import { Icon } from "../../ui/icon.tsx";

/** What is said where there is no VM yet. */
export function FirstVm({ onCreate }: { onCreate: () => void }) {
  return (
    <div className="surface">
      <Empty icon="box" title="No VMs yet">
        A VM comes from any container image and is ready in moments. Create one here, or with{" "}
        <Code>bandsox vm create python:3-alpine</Code>; it shows up at once.
        <div style={{ marginTop: 16 }}>
          <Button leftSection={<Icon name="plus" size={16} />} onClick={onCreate}>
            Create the first VM
          </Button>
        </div>
      </Empty>
    </div>
  );
}
