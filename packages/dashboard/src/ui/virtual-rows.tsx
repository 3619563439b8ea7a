import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useCallback, useRef } from "react";

interface VirtualRowsProps<T> {
  readonly items: readonly T[];
  /** The same function every time, or all places are worked out anew at each step of a scroll */
  readonly keyOf: (item: T) => string;
  readonly rowHeight: number;
  readonly render: (item: T) => ReactNode;
  /** Names the list for screen readers */
  readonly label: string;
  readonly maxHeight?: string;
}

/** Rows beyond what is in sight, on either side. */
const OVERSCAN = 8;

/** Rows of one height, of which only those in sight are in the document: hundreds scroll as smoothly as ten. */
export function VirtualRows<T>({ items, keyOf, rowHeight, render, label, maxHeight }: VirtualRowsProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: useCallback(() => scroller.current, []),
    estimateSize: useCallback(() => rowHeight, [rowHeight]),
    getItemKey: useCallback((index: number) => keyOf(items[index] as T), [items, keyOf]),
    overscan: OVERSCAN,
  });
  return (
    <section
      ref={scroller}
      className="rows"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ maxHeight: maxHeight ?? "65vh" }}
    >
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map(({ key, index, start, size }) => (
          <div key={key} className="rows-one" style={{ top: start, height: size }}>
            {render(items[index] as T)}
          </div>
        ))}
      </div>
    </section>
  );
}
