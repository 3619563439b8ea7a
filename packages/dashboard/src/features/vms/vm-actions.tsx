import type { VmInfo } from "@bandsox/contract";
import { Menu } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { askText } from "../../ui/ask-text.tsx";
import { confirm } from "../../ui/confirm.tsx";
import { Icon, type IconName } from "../../ui/icon.tsx";
import { ForkForm } from "./fork-form.tsx";
import { RollBackForm } from "./roll-back-form.tsx";
import { doWithVm, type PlainVerb, takeSnapshot } from "./vm-calls.ts";
import type { VmVerb } from "./vm-verbs.logic.ts";

export const VERBS = [
  { verb: "start", label: "Start", icon: "play", done: "started" },
  { verb: "resume", label: "Resume", icon: "play", done: "resumed" },
  { verb: "pause", label: "Pause", icon: "pause", done: "paused" },
  { verb: "stop", label: "Stop", icon: "stop", done: "stopped" },
  { verb: "restart", label: "Restart", icon: "restart", done: "restarted" },
  { verb: "snapshot", label: "Snapshot", icon: "camera", done: "saved" },
  { verb: "fork", label: "Fork", icon: "fork", done: "forked" },
  { verb: "roll back", label: "Roll back", icon: "undo", done: "rolled back" },
  { verb: "rename", label: "Rename", icon: "edit", done: "renamed" },
  { verb: "delete", label: "Delete", icon: "trash", done: "deleted" },
] as const satisfies readonly { verb: VmVerb; label: string; icon: IconName; done: string }[];

/** What can be done with one VM, with the questions each verb asks first. */
export function useVmVerbs(vm: Pick<VmInfo, "id" | "name">, { onDeleted }: { onDeleted?: () => void } = {}) {
  const navigate = useNavigate();
  const plain = useMutation({
    mutationFn: (verb: PlainVerb) => doWithVm(verb, vm.id),
    onSuccess: (_, verb) => {
      notifyDone(`${vm.name} is ${VERBS.find((row) => row.verb === verb)?.done}.`);
      if (verb === "delete") onDeleted?.();
    },
  });
  const ask: Partial<Record<VmVerb, () => void>> = {
    stop: () => confirmStop(vm.name, () => plain.mutate("stop")),
    delete: () => confirmDelete(vm.name, () => plain.mutate("delete")),
    snapshot: () => askSnapshot(vm),
    rename: () => askName(vm),
    fork: () => modals.open({ title: `Fork ${vm.name}`, children: <ForkForm vm={vm} /> }),
    "roll back": () => modals.open({ title: `Roll ${vm.name} back`, children: <RollBackForm vm={vm} /> }),
  };
  return {
    busyVerb: plain.isPending ? plain.variables : undefined,
    run: (verb: VmVerb) => (ask[verb] ? ask[verb]() : plain.mutate(verb as PlainVerb)),
    openTerminal: () =>
      void navigate({ to: "/vms/$vmId", params: { vmId: vm.id }, search: { tab: "terminal" } }),
  };
}

function confirmStop(name: string, onConfirm: () => void): void {
  const text = "Its programs are ended; its disk stays, and it can be started again.";
  confirm({ title: `Stop ${name}?`, text, verb: "Stop", onConfirm });
}

function confirmDelete(name: string, onConfirm: () => void): void {
  const text = "Its disk goes with it. Snapshots of it stay. This cannot be undone.";
  confirm({ title: `Delete ${name}?`, text, verb: "Delete", onConfirm });
}

function askSnapshot({ id, name }: Pick<VmInfo, "id" | "name">): void {
  askText({
    ...{ title: `Snapshot of ${name}`, label: "Name", isOptional: true, verb: "Take snapshot" },
    description: "Letters, digits, dots and dashes; without one it goes by its id",
    onAnswer: async (snapshotName) => {
      await takeSnapshot(id, snapshotName);
      notifyDone(`${name} is saved.`);
    },
  });
}

function askName({ id, name }: Pick<VmInfo, "id" | "name">): void {
  askText({
    ...{ title: `Rename ${name}`, label: "Name", initial: name, verb: "Rename" },
    onAnswer: (next) => server.call("PUT /api/vms/:id/name", { params: { id }, body: { name: next } }),
  });
}

/** Verbs as a menu's items. */
export function VerbItems({ verbs, onRun }: { verbs: readonly VmVerb[]; onRun: (verb: VmVerb) => void }) {
  return VERBS.filter(({ verb }) => verbs.includes(verb)).map(({ verb, label, icon }) => (
    <Menu.Item
      key={verb}
      leftSection={<Icon name={icon} size={16} />}
      c={verb === "delete" ? "var(--mantine-color-error)" : undefined}
      onClick={() => onRun(verb)}
    >
      {label}
    </Menu.Item>
  ));
}
