import type { BandSoxEvent } from "@bandsox/contract";
import { expect, test } from "vitest";
import { detailsText, mergeEvents } from "./event-list.logic.ts";

const event = (seq: number) => ({ seq, type: "vm.paused", at: "", details: {} }) as BandSoxEvent;

test("an event that came twice is there once, the newest first", () => {
  expect(mergeEvents([event(1), event(2)], [event(2), event(3)]).map(({ seq }) => seq)).toEqual([3, 2, 1]);
});

test("details are a line", () => {
  expect(detailsText({ cause: "stop", command: "", children: ["a"] })).toBe('cause: stop · children: ["a"]');
});
