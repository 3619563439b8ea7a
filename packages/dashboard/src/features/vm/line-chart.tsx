import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import UPlot from "uplot";
import type { Sample } from "./stats-history.logic.ts";

interface LineChartProps {
  readonly samples: readonly Sample[];
  readonly lines: readonly Exclude<keyof Sample, "at">[];
  readonly format: (value: number) => string;
  /** The top of the scale (default: what the data needs) */
  readonly max?: number | undefined;
  /** What it shows, for those who do not see it */
  readonly label: string;
}

const HEIGHT = 110;
/** The least time a chart shows, in seconds */
const SHOWN_MIN_S = 60;
/** The least a scale without a top of its own shows; there its labels are whole numbers */
const TOP_MIN = 1024;
const COLOURS = ["#10b981", "#6366f1"];

/** Lines over time. */
export function LineChart({ samples, lines, format, max, label }: LineChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the data is given below; a new plot is for new looks
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new UPlot(
      optionsOf({ width: element.clientWidth, lines, format, max, scheme }),
      [[]],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [scheme, lines.join()]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new plot needs its data again
  useEffect(() => {
    const rows = lines.map((line) => samples.map((sample) => sample[line]));
    plot.current?.setData([samples.map(({ at }) => at), ...rows] as UPlot.AlignedData);
  }, [samples, scheme]);
  return <div ref={box} role="img" aria-label={label} style={{ minHeight: HEIGHT, minWidth: 0 }} />;
}

/** From the first sample on, or longer; uPlot by itself would show years around a single one. */
function shownTimes(times: ArrayLike<number>): [number, number] {
  const last = times[times.length - 1] ?? Date.now() / 1000;
  return [Math.min(times[0] ?? last, last - SHOWN_MIN_S), last];
}

interface Look extends Pick<LineChartProps, "lines" | "format" | "max"> {
  readonly width: number;
  readonly scheme: "light" | "dark";
}

function optionsOf({ width, lines, format, max, scheme }: Look): UPlot.Options {
  const stroke = scheme === "dark" ? "#a1a1aa" : "#52525b";
  const grid = { stroke: scheme === "dark" ? "#26262b" : "#ececee", width: 1 };
  const font = "11px system-ui, sans-serif";
  return {
    ...{ width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [6, 4, 0, 0] },
    scales: {
      x: { range: ({ data: [times] }) => shownTimes(times) },
      y: { range: (_, __, top) => [0, max ?? Math.max(TOP_MIN, (top ?? 0) * 1.15)] },
    },
    axes: [
      { stroke, grid: { show: false }, ticks: { show: false }, font, size: 20, space: 70 },
      {
        ...{ stroke, grid, ticks: { show: false }, font, size: 62, space: 34 },
        values: (_, values) => values.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map((_, index) => ({
        ...{ stroke: COLOURS[index] ?? stroke, width: 1.5, points: { show: false } },
        ...(index === 0 ? { fill: "#10b98122" } : {}),
      })),
    ],
  };
}
