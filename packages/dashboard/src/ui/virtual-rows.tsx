import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";

interface VirtualRowsProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly rowHeight: number;
  readonly render: (item: T) => ReactNode;
  /** Names the list for screen readers */
  readonly label: string;
  readonly maxHeight?: string;
}

/** Rows of one height, of which only those in sight are in the document: hundreds scroll as smoothly as ten. */
export function VirtualRows<T>({ items, keyOf, rowHeight, render, label, maxHeight }: VirtualRowsProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keyOf(items[index] as T),
    overscan: 12,
  });
  return (
    <section
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ overflow: "auto", maxHeight: maxHeight ?? "65vh" }}
    >
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map(({ key, index, start, size }) => (
          <div
            key={key}
            style={{
              position: "absolute",
              top: 0,
              left: 0,
              right: 0,
              height: size,
              transform: `translateY(${start}px)`,
            }}
          >
            {render(items[index] as T)}
          </div>
        ))}
      </div>
    </section>
  );
}
