import type { ImageProgress, Progress } from "../../api/streamed.ts";

/** How far a layer's transfer is. */
export interface LayerProgress {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly receivedBytes: number;
}

/** How far the making of a VM, or the fetching of an image, is. */
export interface WorkProgress {
  readonly stages: readonly { readonly name: string; readonly durationMs: number }[];
  readonly layers: readonly LayerProgress[];
  /** What is going on, in words */
  readonly now: string;
}

export const NOTHING_YET: WorkProgress = { stages: [], layers: [], now: "starting" };
const LAYERS_SHOWN = 64;

/** Progress, one message further. */
export function advance(progress: WorkProgress, message: Progress): WorkProgress {
  if (message.type === "stage") {
    const stage = { name: message.stage, durationMs: message.duration_ms };
    return { ...progress, stages: [...progress.stages, stage], now: `${message.stage} is done` };
  }
  if (message.type === "line") return { ...progress, now: message.line };
  return advanceImage(progress, message.event);
}

function advanceImage(progress: WorkProgress, event: ImageProgress): WorkProgress {
  if (event.type === "resolved") return { ...progress, now: `found ${event.reference ?? "the image"}` };
  if (event.type === "layer") return { ...progress, now: "unpacking layers" };
  if (event.type === "mkfs") return { ...progress, now: "making the base disk" };
  if (event.type === "wait") return { ...progress, now: "waiting for another to make the base disk" };
  if (event.type !== "blob" || event.digest === undefined) return progress;
  const { digest, sizeBytes = 0, receivedBytes = 0, state } = event;
  const isWhole = state === "done" || state === "present";
  const layer = { digest, sizeBytes, receivedBytes: isWhole ? sizeBytes : receivedBytes };
  const others = progress.layers.filter((known) => known.digest !== digest);
  const isKnown = others.length < progress.layers.length;
  const layers = isKnown
    ? progress.layers.map((known) => (known.digest === digest ? layer : known))
    : [...progress.layers, layer].slice(-LAYERS_SHOWN);
  return { ...progress, layers, now: "fetching layers" };
}

/** One bar of a waterfall: where it begins and how long it is, in percent of the whole. */
export interface Bar {
  readonly name: string;
  readonly durationMs: number;
  readonly offset: number;
  readonly width: number;
}

/** Stages, one after the other, as bars. */
export function waterfall(stages: WorkProgress["stages"]): Bar[] {
  const total = stages.reduce((sum, { durationMs }) => sum + durationMs, 0) || 1;
  let at = 0;
  return stages.map(({ name, durationMs }) => {
    const bar = { name, durationMs, offset: (at / total) * 100, width: (durationMs / total) * 100 };
    at += durationMs;
    return bar;
  });
}
