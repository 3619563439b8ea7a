import { expect, test } from "vitest";
import { decodeText, withLineEnds } from "./file-text.logic.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("text is text, a mark at its beginning included, so that saving changes nothing", () => {
  expect(decodeText(bytes("\uFEFFgrün\n"), 100)).toEqual({ kind: "text", text: "\uFEFFgrün\n" });
});

test("what is no UTF-8, or holds NUL, is binary", () => {
  expect(decodeText(new Uint8Array([0xff, 0xfe]), 100).kind).toBe("binary");
  expect(decodeText(bytes("a\0b"), 100).kind).toBe("binary");
});

test("what is more than can be looked at is large", () => {
  expect(decodeText(bytes("abcd"), 3).kind).toBe("large");
});

test("a file keeps its line ends, whichever they are", () => {
  expect(withLineEnds("a\nb\n", "a\r\n")).toBe("a\r\nb\r\n");
  expect(withLineEnds("a\nb\n", "a\n")).toBe("a\nb\n");
});
