import { expect, test } from "vitest";
import { advance, NOTHING_YET, waterfall } from "./create-progress.logic.ts";

test("a layer's bar grows, and is whole when it is done", () => {
  const blob = { type: "blob", digest: "sha256:a", sizeBytes: 10 };
  const half = advance(NOTHING_YET, {
    type: "image",
    event: { ...blob, state: "progress", receivedBytes: 5 },
  });
  expect(half.layers).toEqual([{ digest: "sha256:a", sizeBytes: 10, receivedBytes: 5 }]);
  const whole = advance(half, { type: "image", event: { ...blob, state: "done" } });
  expect(whole.layers).toEqual([{ digest: "sha256:a", sizeBytes: 10, receivedBytes: 10 }]);
});

test("stages follow one another in a waterfall that fills the whole", () => {
  const bars = waterfall([
    { name: "image", durationMs: 25 },
    { name: "restore", durationMs: 75 },
  ]);
  expect(bars.map(({ offset, width }) => [offset, width])).toEqual([
    [0, 25],
    [25, 75],
  ]);
});
