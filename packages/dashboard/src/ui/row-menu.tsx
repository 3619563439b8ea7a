import { Menu } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { RowButton } from "./row-button.tsx";

interface RowMenuProps {
  readonly label: string;
  /** Makes the items, once they are asked for */
  readonly items: () => ReactNode;
}

/** What can be done with a row. Of hundreds few are asked, and only from then on is there more than a button. */
export function RowMenu({ label, items }: RowMenuProps) {
  const [isAsked, setAsked] = useState(false);
  if (isAsked) return <AskedMenu {...{ label, items }} />;
  return (
    <RowButton
      icon="more"
      label={label}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => setAsked(true)}
    />
  );
}

/** Opens by itself, from a button that has the focus of the one it stands for: it goes back there when it is closed. */
function AskedMenu({ label, items }: RowMenuProps) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(true), []);
  return (
    <Menu position="bottom-end" withinPortal opened={isOpen} onChange={setOpen}>
      <Menu.Target>
        <RowButton icon="more" label={label} autoFocus />
      </Menu.Target>
      <Menu.Dropdown>{items()}</Menu.Dropdown>
    </Menu>
  );
}
