import type { ComponentProps } from "react";
import { Icon, type IconName } from "./icon.tsx";

interface RowButtonProps extends Omit<ComponentProps<"button">, "children" | "title" | "aria-label"> {
  readonly icon: IconName;
  /** What it does, and to what; also its name for screen readers */
  readonly label: string;
  readonly isBusy?: boolean;
}

/** A button in a row of a list, that is only a drawing. Hundreds of them scroll by, so it is nothing but an element. */
export function RowButton({ icon, label, isBusy = false, ...rest }: RowButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className="row-button"
      title={label}
      aria-label={label}
      aria-busy={isBusy}
      disabled={isBusy}
    >
      {isBusy ? <span className="row-busy" /> : <Icon name={icon} />}
    </button>
  );
}
