import { CopyButton } from "@mantine/core";
import { IconButton } from "./icon-button.tsx";

/** Copies a text. */
export function Copy({ value, label = "Copy" }: { value: string; label?: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <IconButton icon={copied ? "check" : "copy"} label={copied ? "Copied" : label} onClick={copy} />
      )}
    </CopyButton>
  );
}
