import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";

interface Question {
  readonly title: string;
  readonly text: string;
  /** The verb on the button */
  readonly verb: string;
  readonly onConfirm: () => void;
}

/** Asks before what cannot be undone. */
export function confirm({ title, text, verb, onConfirm }: Question): void {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm: verb, cancel: "Cancel" },
    confirmProps: { color: "red.8" },
    onConfirm,
  });
}
