import type { VmInfo } from "@bandsox/contract";
import { type MouseEvent, memo } from "react";
import { Ago } from "../../ui/ago.tsx";
import { formatMib, formatTime } from "../../ui/format.ts";
import { RowButton } from "../../ui/row-button.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { VERBS, VerbItems } from "./vm-actions.tsx";
import { canDo, type VmVerb } from "./vm-verbs.logic.ts";

/** What a row can have done; the same functions for all rows, at all times. */
export interface VmRowCalls {
  readonly toggle: (id: string) => void;
  readonly run: (vm: VmInfo, verb: VmVerb) => void;
  readonly open: (id: string, tab?: string) => void;
}

interface VmRowProps {
  readonly vm: VmInfo;
  readonly isSelected: boolean;
  readonly isBusy: boolean;
  readonly calls: VmRowCalls;
}

/**
 * One VM in the list. Drawn again only when it has changed: of hundreds that scroll by, most have not. And because they
 * scroll by, it is made of plain elements; a menu is there once it is asked for.
 */
export const VmRow = memo(function VmRow({ vm, isSelected, isBusy, calls }: VmRowProps) {
  const { id, name, image, vcpu, memMib, state, createdAt } = vm;
  return (
    <div className="row vm-row" data-vm={id}>
      <input
        type="checkbox"
        className="check"
        aria-label={`Choose ${name}`}
        checked={isSelected}
        onChange={() => calls.toggle(id)}
      />
      <div className="vm-cell-name">
        <a className="cut vm-name" href={`/vms/${id}`} onClick={followedBy(() => calls.open(id))}>
          {name}
        </a>
        {name !== id && <div className="cut mono dimmed">{id}</div>}
      </div>
      <StateBadge state={state} />
      <span className="cut vm-cell-image" title={image}>
        {image}
      </span>
      <span className="vm-cell-memMib">{`${vcpu} vCPU · ${formatMib(memMib)}`}</span>
      <span className="dimmed vm-cell-createdAt" title={formatTime(createdAt)}>
        <Ago at={createdAt} />
      </span>
      <RowActions {...{ vm, isBusy, calls }} />
    </div>
  );
});

/** A link that this page follows by itself; with a key held down it is the browser's, as any link. */
function followedBy(go: () => void) {
  return (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go();
  };
}

const QUICK: readonly VmVerb[] = ["start", "resume", "pause"];

function RowActions({ vm, isBusy, calls }: Omit<VmRowProps, "isSelected">) {
  const { id, name, state } = vm;
  const quick = VERBS.find(({ verb }) => QUICK.includes(verb) && canDo(verb, state));
  return (
    <div className="row-buttons">
      {state === "running" && (
        <RowButton icon="terminal" label={`Terminal of ${name}`} onClick={() => calls.open(id, "terminal")} />
      )}
      {quick && (
        <RowButton
          icon={quick.icon}
          label={`${quick.label} ${name}`}
          isBusy={isBusy}
          onClick={() => calls.run(vm, quick.verb)}
        />
      )}
      <RowMenu
        label={`More for ${name}`}
        items={() => (
          <VerbItems
            verbs={VERBS.map(({ verb }) => verb).filter((verb) => canDo(verb, state))}
            onRun={(verb) => calls.run(vm, verb)}
          />
        )}
      />
    </div>
  );
}
