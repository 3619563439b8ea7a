import type { CreateVmOptions } from "bandsox";
import type { Output } from "../output.ts";

const MEGABYTE = 1_000_000;
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
    if (stderr.isTty) void line(`fetching ${image}: ${sums([...blobs.values()])}`);
  };
  const clear = () => (shown && stderr.isTty ? stderr.write(CLEAR_LINE) : Promise.resolve());
  return { onEvent, clear };
}

function sums(blobs: readonly { size: number; received: number }[]): string {
  const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const received = blobs.reduce((sum, blob) => sum + blob.received, 0);
  return `${(received / MEGABYTE).toFixed(1)} of ${(size / MEGABYTE).toFixed(1)} MB`;
}
