import type { CreateStage, CreateVmOptions } from "bandsox";
import type { Output } from "../output.ts";
import { imageProgress } from "./image-progress.ts";
import { paint } from "./paint.ts";
import { duration } from "./time.ts";

const BAR_CELLS = 40;

/** A part of bringing a VM up, in ms since that began. */
interface Part {
  readonly stage: CreateStage;
  readonly from: number;
  readonly to: number;
}

type Events = Required<Pick<CreateVmOptions, "onImageEvent" | "onStage">>;

/** Shows what bringing a VM up does, and in the end, on a terminal, what of it took how long. */
export function bootProgress(stderr: Output, image: string, now: () => number = () => performance.now()) {
  const begun = now();
  const parts: Part[] = [];
  const fetching = imageProgress(stderr, image);
  const onStage: Events["onStage"] = (stage, durationMs) => {
    const to = now() - begun;
    parts.push({ stage, from: Math.max(0, to - durationMs), to });
    if (stderr.isTty) void fetching.show(`starting: ${parts.map((part) => part.stage).join(" > ")}`);
  };
  const showWaterfall = async () => {
    if (stderr.isTty && parts.length > 0) await stderr.write(waterfall(stderr, parts));
  };
  return { onStage, onImageEvent: fetching.onEvent, clear: fetching.clear, showWaterfall };
}

/** Each part as a bar where it was in the whole. */
export function waterfall(output: Pick<Output, "hasColors">, parts: readonly Part[]): string {
  const whole = Math.max(...parts.map(({ to }) => to), 1);
  const name = Math.max(...parts.map(({ stage }) => stage.length));
  const cell = (ms: number) => Math.min(BAR_CELLS - 1, Math.floor((ms / whole) * BAR_CELLS));
  return parts
    .map(({ stage, from, to }) => {
      const length = Math.max(1, cell(to) - cell(from) + (to === whole ? 1 : 0));
      const bar = `${" ".repeat(cell(from))}${"━".repeat(length)}`.padEnd(BAR_CELLS);
      return `${stage.padEnd(name)}  ${paint(output, "cyan", bar)}  ${duration(to - from)}\n`;
    })
    .join("");
}
