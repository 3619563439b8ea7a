import { ActionIcon, Tooltip } from "@mantine/core";
import { Icon, type IconName } from "./icon.tsx";

interface IconButtonProps {
  readonly icon: IconName;
  /** What it does; also its name for screen readers */
  readonly label: string;
  readonly onClick?: (() => void) | undefined;
  readonly isLoading?: boolean;
  readonly isDisabled?: boolean;
  readonly isDanger?: boolean;
}

/** A button that is only a drawing, with its name in a tooltip. */
export function IconButton({ icon, label, onClick, isLoading, isDisabled, isDanger }: IconButtonProps) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon
        variant="subtle"
        color={isDanger ? "red" : "gray"}
        c={isDanger ? "var(--mantine-color-error)" : "inherit"}
        size="lg"
        aria-label={label}
        loading={isLoading ?? false}
        disabled={isDisabled ?? false}
        onClick={onClick}
      >
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  );
}
