import type { VmInfo } from "@bandsox/contract";
import { Menu } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useMutation, useMutationState } from "@tanstack/react-query";
import { useCallback } from "react";
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

type NamedVm = Pick<VmInfo, "id" | "name">;
const MUTATION_KEY = ["vm verb"];

interface VmVerbs {
  /** Does it to a VM, with the questions the verb asks first */
  readonly run: (vm: NamedVm, verb: VmVerb) => void;
  /** What is being done, by the VM's id */
  readonly busy: ReadonlyMap<string, PlainVerb>;
}

/** What can be done with VMs. */
export function useVmVerbs({ onDeleted }: { onDeleted?: () => void } = {}): VmVerbs {
  const { mutate } = useMutation({
    mutationKey: MUTATION_KEY,
    mutationFn: ({ vm, verb }: PlainWork) => doWithVm(verb, vm.id),
    onSuccess: (_, { vm, verb }) => {
      notifyDone(`${vm.name} is ${VERBS.find((row) => row.verb === verb)?.done}.`);
      if (verb === "delete") onDeleted?.();
    },
  });
  const pending = useMutationState({
    filters: { mutationKey: MUTATION_KEY, status: "pending" },
    select: ({ state }) => state.variables as PlainWork,
  });
  const run = useCallback(
    (vm: NamedVm, verb: VmVerb) => (isPlain(verb) ? doPlain(mutate, { vm, verb }) : ASK[verb](vm)),
    [mutate],
  );
  return { run, busy: new Map(pending.map(({ vm, verb }) => [vm.id, verb])) };
}

interface PlainWork {
  readonly vm: NamedVm;
  readonly verb: PlainVerb;
}

const ASK: Record<Exclude<VmVerb, PlainVerb>, (vm: NamedVm) => void> = {
  snapshot: askSnapshot,
  rename: askName,
  fork: (vm) => void modals.open({ title: `Fork ${vm.name}`, children: <ForkForm vm={vm} /> }),
  "roll back": (vm) =>
    void modals.open({ title: `Roll ${vm.name} back`, children: <RollBackForm vm={vm} /> }),
};

function isPlain(verb: VmVerb): verb is PlainVerb {
  return !Object.hasOwn(ASK, verb);
}

/** Does what needs no more than the VM; what cannot be undone is asked first. */
function doPlain(mutate: (work: PlainWork) => void, work: PlainWork): void {
  const { vm, verb } = work;
  if (verb === "stop") confirmStop(vm.name, () => mutate(work));
  else if (verb === "delete") confirmDelete(vm.name, () => mutate(work));
  else mutate(work);
}

function confirmStop(name: string, onConfirm: () => void): void {
  const text = "Its programs are ended; its disk stays, and it can be started again.";
  confirm({ title: `Stop ${name}?`, text, verb: "Stop", onConfirm });
}

function confirmDelete(name: string, onConfirm: () => void): void {
  const text = "Its disk goes with it. Snapshots of it stay. This cannot be undone.";
  confirm({ title: `Delete ${name}?`, text, verb: "Delete", onConfirm });
}

function askSnapshot({ id, name }: NamedVm): void {
  askText({
    ...{ title: `Snapshot of ${name}`, label: "Name", isOptional: true, verb: "Take snapshot" },
    description: "Letters, digits, dots and dashes; without one it goes by its id",
    onAnswer: async (snapshotName) => {
      await takeSnapshot(id, snapshotName);
      notifyDone(`${name} is saved.`);
    },
  });
}

function askName({ id, name }: NamedVm): void {
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
