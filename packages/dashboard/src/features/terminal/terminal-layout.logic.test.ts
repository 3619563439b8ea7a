import { expect, test } from "vitest";
import { splitTab, withoutSession, withSessions } from "./terminal-layout.logic.ts";

test("sessions that run have a place, and those that ended have none", () => {
  expect(withSessions([["a", "b"], ["c"]], ["b", "d"])).toEqual([["b"], ["d"]]);
});

test("a split puts a session beside others, once", () => {
  expect(splitTab([["a"], ["b"]], 0, "c")).toEqual([["a", "c"], ["b"]]);
  expect(splitTab([["a"], ["c"]], 0, "c")).toEqual([["a", "c"]]);
});

test("a tab goes with its last session", () => {
  expect(withoutSession([["a"], ["b", "c"]], "a")).toEqual([["b", "c"]]);
});
