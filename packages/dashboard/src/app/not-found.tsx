import { Anchor } from "@mantine/core";
import { Empty } from "../ui/empty.tsx";

export function NotFound() {
  return (
    <Empty icon="search" title="There is no such page">
      <Anchor href="/">Back to the VMs</Anchor>
    </Empty>
  );
}
