import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { table } from "./table.ts";
import { cutTo, textWidth } from "./text-width.ts";

const terminal = { isTty: true, columns: 40, hasColors: false };
const ID = "vm_0123456789ab";

test("columns line up, and nothing is cut where there is no terminal", () => {
  const file = { ...terminal, isTty: false };
  expect(table(file, ["ID", "IMAGE"], [[ID, "a".repeat(99)]])).toBe(
    `ID                IMAGE\n${ID}   ${"a".repeat(99)}\n`,
  );
});

test("a terminal cuts the widest column, never the ids", () => {
  expect(table(terminal, ["ID", "NAME", "IMAGE"], [[ID, "name", "registry.example/very/long:tag"]])).toBe(
    `ID                NAME   IMAGE\n${ID}   name   registry.examp…\n`,
  );
});

test("a line of a table is at most as wide as the terminal, whatever is in it", () => {
  const cell = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell)), (rows) => {
      for (const line of table(terminal, ["ONE", "TWO", "THREE"], rows).trimEnd().split("\n"))
        expect(textWidth(line)).toBeLessThanOrEqual(40);
    }),
  );
});

test("what a guest wrote commands no terminal", () => {
  expect(table(terminal, ["A"], [["x\u001b[2J\n"]])).toBe("A\nx?[2J?\n");
});

test("styles are for terminals with colours, and take no room", () => {
  const rows = [[{ text: "running", style: "green" as const }, "x"]];
  const coloured = table({ ...terminal, hasColors: true }, ["STATE", "X"], rows);
  expect(coloured).toContain("\u001b[32mrunning\u001b[39m");
  expect(stripVTControlCharacters(coloured)).toBe(table(terminal, ["STATE", "X"], rows));
});

test.for([
  ["日本語です", 5, "日本…"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ["whole", 5, "whole"],
] as const)("%s in %d columns is %s", ([text, width, cut]) => expect(cutTo(text, width)).toBe(cut));
