import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { vmsQuery } from "../features/vms/vm-queries.ts";
import { Icon } from "../ui/icon.tsx";
import { PAGES } from "./navigation.tsx";

export const openPalette = spotlight.open;
const SHOWN_MAX = 8;

/** The command palette: every page, every VM, and what is often done. */
export function Palette() {
  const navigate = useNavigate();
  const { data: vms = [] } = useQuery(vmsQuery);
  const actions = useMemo<SpotlightActionData[]>(
    () => [
      {
        ...{ id: "create", label: "Create a VM", description: "From any image" },
        leftSection: <Icon name="plus" />,
        onClick: () => void navigate({ to: "/", search: { create: "1" } }),
      },
      ...PAGES.map(({ to, label, icon }) => ({
        ...{ id: to, label, description: "Page", leftSection: <Icon name={icon} /> },
        onClick: () => void navigate({ to }),
      })),
      ...vms.flatMap(({ id: vmId, name, state }) => [
        {
          ...{ id: vmId, label: name, description: `VM, ${state}`, keywords: [vmId] },
          leftSection: <Icon name="box" />,
          onClick: () => void navigate({ to: "/vms/$vmId", params: { vmId } }),
        },
        {
          ...{ id: `${vmId}/terminal`, label: `Terminal of ${name}`, description: "VM", keywords: [vmId] },
          leftSection: <Icon name="terminal" />,
          onClick: () => void navigate({ to: "/vms/$vmId", params: { vmId }, search: { tab: "terminal" } }),
        },
      ]),
    ],
    [navigate, vms],
  );
  return (
    <Spotlight
      actions={actions}
      limit={SHOWN_MAX}
      shortcut={["mod + K"]}
      highlightQuery
      scrollable
      nothingFound="Nothing is called that"
      searchProps={{ placeholder: "Search VMs, pages and commands", "aria-label": "Search" }}
    />
  );
}
