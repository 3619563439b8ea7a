import type { Ref } from "react";

interface LogProps {
  readonly text: string;
  /** Its name for screen readers */
  readonly label: string;
  readonly height?: string;
  readonly maxHeight?: string;
  readonly scroller?: Ref<HTMLElement>;
}

/** A text that was printed, as it was printed, which scrolls. */
export function Log({ text, label, height, maxHeight, scroller }: LogProps) {
  return (
    <section
      ref={scroller}
      className="log"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      style={{ height, maxHeight }}
    >
      {text}
    </section>
  );
}
