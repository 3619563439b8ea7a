import { API_FRAMES } from "@bandsox/contract/wire";
import { expect, test } from "vitest";
import { attachFrame, readAttachMessage, takenFrame } from "./attach-frames.logic.ts";

const message = (kind: number, data: Uint8Array) => Uint8Array.of(kind, ...data).buffer;
const json = (kind: number, value: unknown) => message(kind, new TextEncoder().encode(JSON.stringify(value)));

test("output is bytes, whatever they are", () => {
  const read = readAttachMessage(message(API_FRAMES.stdout, Uint8Array.of(0xff, 0)));
  expect(read).toEqual({ type: "output", data: Uint8Array.of(0xff, 0) });
});

test("where the output goes on from, and what of it is lost, is told", () => {
  expect(readAttachMessage(json(API_FRAMES.begun, { stdout: 7 }))).toEqual({ type: "begun", stdout: 7 });
  const gap = readAttachMessage(json(API_FRAMES.gap, { stream: "stdout", from: 7, to: 10 }));
  expect(gap).toEqual({ type: "gap", to: 10, lost: 3 });
});

test("an ending has its code, and its signal if one ended it", () => {
  expect(readAttachMessage(json(API_FRAMES.exit, { exit_code: 130, signal: "SIGINT" }))).toEqual({
    ...{ type: "exit", exitCode: 130, signal: "SIGINT" },
  });
});

test("input is told from its size by the first byte", () => {
  expect([...attachFrame("stdin", Uint8Array.of(97))]).toEqual([API_FRAMES.stdin, 97]);
  expect([...takenFrame(258)]).toEqual([API_FRAMES.taken, 0, 0, 1, 2]);
});
