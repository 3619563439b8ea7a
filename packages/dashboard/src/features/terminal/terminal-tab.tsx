import type { VmInfo } from "@bandsox/contract";
import { Button, Group, Loader, Stack, Tabs } from "@mantine/core";
import { useIsMutating, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Icon } from "../../ui/icon.tsx";
import { IconButton } from "../../ui/icon-button.tsx";
import { endTerminal, startingKey, startTerminal, terminalsQuery } from "./session-queries.ts";
import { splitTab, type TerminalLayout, withoutSession, withSessions } from "./terminal-layout.logic.ts";
import { TerminalView } from "./terminal-view.tsx";

/** The terminals of a VM. Shells live in the guest: they are here again when this page is opened again. */
export function TerminalTab({ vm }: { vm: VmInfo }) {
  if (vm.state !== "running") {
    return (
      <Empty icon="terminal" title="Terminals are in running VMs">
        This one is {vm.state}.
      </Empty>
    );
  }
  return <Terminals vmId={vm.id} />;
}

function Terminals({ vmId }: { vmId: string }) {
  const { layout, active, setActive, open, end, error, isPending } = useTerminals(vmId);
  const shown = layout[active] ?? layout[0];
  if (error) return <Failure error={error} />;
  if (isPending) return <Loader aria-label="Loading" />;
  return (
    <Stack gap="xs">
      <Group gap="xs" justify="space-between">
        <Tabs
          value={String(layout.indexOf(shown ?? []))}
          onChange={(tab) => setActive(Number(tab))}
          variant="pills"
        >
          <Tabs.List>
            {layout.map((ids, index) => (
              <Tabs.Tab
                key={ids.join()}
                value={String(index)}
                leftSection={<Icon name="terminal" size={14} />}
              >
                Shell {index + 1}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
        <Group gap={4}>
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name="plus" size={14} />}
            loading={open.isPending}
            onClick={() => open.mutate("tab")}
          >
            New terminal
          </Button>
          {shown && <IconButton icon="split" label="Split" onClick={() => open.mutate("split")} />}
          {shown?.[0] && (
            <IconButton
              icon="external"
              label="Open on a page of its own"
              onClick={() => window.open(`/terminal/${vmId}?session=${shown[0]}`, "_blank", "noopener")}
            />
          )}
          {shown && <IconButton icon="close" label="End this shell" onClick={() => void end(shown.at(-1))} />}
        </Group>
      </Group>
      {shown ? (
        <div className="terminal-panes">
          {shown.map((id) => (
            <TerminalView key={id} vmId={vmId} sessionId={id} onDismiss={() => void end(id)} />
          ))}
        </div>
      ) : (
        <Empty icon="terminal" title="No terminal is open">
          A shell goes on when this page is closed, and is here again when it is opened.
        </Empty>
      )}
    </Stack>
  );
}

function useTerminals(vmId: string) {
  const queries = useQueryClient();
  // One that is being started is shown once it is known that it is new: it is for its first view to answer what it asks.
  const isStarting = useIsMutating({ mutationKey: startingKey(vmId) }) > 0;
  const { data: running, error, isPending } = useQuery({ ...terminalsQuery(vmId), enabled: !isStarting });
  const [known, setKnown] = useState<TerminalLayout>([]);
  const [active, setActive] = useState(0);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  // One that has ended stays in sight until it is closed: its last words may matter.
  const ids = new Set([...(running ?? []).map(({ id }) => id as string), ...known.flat()]);
  const layout = withSessions(
    known,
    [...ids].filter((id) => !dismissed.has(id)),
  );
  const open = useMutation({
    mutationKey: startingKey(vmId),
    mutationFn: async (_how: "tab" | "split") => startTerminal(vmId),
    onSuccess: async (id, how) => {
      const next = how === "split" ? splitTab(layout, active, id) : [...withoutSession(layout, id), [id]];
      setKnown(next);
      setActive(next.findIndex((tab) => tab.includes(id)));
      await queries.invalidateQueries({ queryKey: ["sessions", vmId] });
    },
  });
  // Who comes here wants a shell; who has ended the last one does not.
  const isBegun = useRef(false);
  const { mutate } = open;
  useEffect(() => {
    if (isBegun.current || !running) return;
    isBegun.current = true;
    if (running.length === 0) mutate("tab");
  }, [running, mutate]);
  const end = async (id: string | undefined) => {
    if (id === undefined) return;
    setDismissed((all) => new Set([...all, id]));
    setKnown(withoutSession(layout, id));
    setActive((at) => Math.max(0, Math.min(at, withoutSession(layout, id).length - 1)));
    await endTerminal(vmId, id).catch(() => undefined); // one that has ended needs no end
  };
  return { layout, active, setActive, open, end, error, isPending };
}
