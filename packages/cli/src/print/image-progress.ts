import type { CreateVmOptions } from "bandsox";
import type { Output } from "../output.ts";
import { progressLine } from "./file-progress.ts";

const MS_PER_SECOND = 1000;
const CLEAR_LINE = "\r\u001b[2K";

type ImageEvent = Parameters<NonNullable<CreateVmOptions["onImageEvent"]>>[0];

/** Shows on stderr what fetching an image does: one line that rewrites itself on a terminal, milestones elsewhere. */
export function imageProgress(stderr: Output, image: string) {
  const blobs = new Map<string, { size: number; received: number }>();
  let shown = false;
  const line = (text: string) => {
    shown = true;
    return stderr.isTty
      ? stderr.write(`${CLEAR_LINE}${text.slice(0, stderr.columns - 1)}`)
      : stderr.write(`${text}\n`);
  };
  const onEvent = (event: ImageEvent) => {
    if (event.type === "layer" && event.state === "started")
      void line(`unpacking ${image}: layer ${event.index + 1} of ${event.of}`);
    if (event.type === "mkfs") void line(`unpacking ${image}: making its base disk`);
    if (event.type === "wait")
      void line(
        `waiting ${Math.ceil(event.waitMs / MS_PER_SECOND)} s: ${event.registry} limits how often we may ask`,
      );
    if (event.type !== "blob" || event.state === "present") return;
    if (blobs.size === 0 && !stderr.isTty) void line(`fetching ${image}`);
    blobs.set(event.digest, {
      size: event.sizeBytes,
      received: event.state === "done" ? event.sizeBytes : event.receivedBytes,
    });
    if (stderr.isTty) void line(progressLine(`fetching ${image}`, sums([...blobs.values()])));
  };
  const clear = async () => {
    if (shown && stderr.isTty) await stderr.write(CLEAR_LINE);
    shown = false;
  };
  return { onEvent, show: line, clear };
}

function sums(blobs: readonly { size: number; received: number }[]) {
  const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const received = blobs.reduce((sum, blob) => sum + blob.received, 0);
  return { bytes: received, total };
}
