import { stripVTControlCharacters } from "node:util";
import type { VmInfo, VmStats } from "bandsox";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textWidth } from "../print/text-width.ts";
import { ordered, type Sample, type TopRow, topRows } from "./top-rows.ts";
import { topScreen } from "./top-screen.ts";
import { FIRST_VIEW, typed } from "./top-view.ts";

const now = new Date("2026-01-01T00:10:00Z");
const vm = (id: string, state = "running") =>
  ({ id, name: id, state, createdAt: "2026-01-01T00:00:00Z" }) as unknown as VmInfo;
const stats = (uptimeMs: number, usedMs: number, rxBytes = 0) =>
  ({
    ...{ uptimeMs, cpu: { count: 2, usedMs }, processes: 7 },
    memory: { totalBytes: 256e6, availableBytes: 156e6 },
    disk: { usedBytes: 5e6 },
    network: { rxBytes, txBytes: 0 },
  }) as unknown as VmStats;

describe("what happened between two looks", () => {
  test("is told as rates", () => {
    const earlier: Sample[] = [{ vm: vm("a"), stats: stats(10_000, 1000, 500) }];
    const [row] = topRows([{ vm: vm("a"), stats: stats(12_000, 2000, 4500) }], { earlier, now });
    expect(row).toMatchObject({
      cpuPercent: 50,
      rxBytesPerSecond: 2000,
      memUsedBytes: 100e6,
      ageMs: 600_000,
    });
  });

  test("is told since the guest began where there was no earlier look, or the guest began anew", () => {
    const later: Sample[] = [{ vm: vm("a"), stats: stats(4000, 1000) }];
    for (const earlier of [[], [{ vm: vm("a"), stats: stats(90_000, 80_000) }]])
      expect(topRows(later, { earlier, now })[0]).toMatchObject({ cpuPercent: 25 });
  });

  test("is not known of a VM that does not run", () => {
    const [row] = topRows([{ vm: vm("a", "stopped") }], { earlier: [], now });
    expect(row).toEqual({ id: "a", name: "a", state: "stopped", ageMs: 600_000 });
  });
});

const row = (name: string, cpuPercent?: number): TopRow => ({
  ...{ id: name, name, state: "running", ageMs: 0 },
  ...(cpuPercent === undefined ? {} : { cpuPercent }),
});

describe("keys", () => {
  const names = (keys: string) =>
    ordered([row("b", 1), row("a", 90), row("c")], typed(FIRST_VIEW, keys)).map(({ name }) => name);

  test.for([
    ["", ["a", "b", "c"]],
    ["c", ["c", "b", "a"]],
    ["N", ["a", "b", "c"]],
    ["NN", ["c", "b", "a"]],
    ["Nr", ["c", "b", "a"]],
    ["<", ["a", "b", "c"]],
  ] as const)("%j order the rows", ([keys, order]) => expect(names(keys)).toEqual(order));

  test.each(["q", "\u0003", "jjq"])("%j leave", (keys) => expect(typed(FIRST_VIEW, keys).isOver).toBe(true));

  test("nothing that is typed does harm", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (keys) => {
        expect(typed(FIRST_VIEW, keys).from).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test("a screen of 80 columns goes without some, and cuts none of what says how a VM is", () => {
  const screen = (cols: number) =>
    topScreen(
      [{ ...row("box", 12.5), state: "stopped", memUsedBytes: 34_100_000, memTotalBytes: 128_000_000 }],
      {
        ...{ view: FIRST_VIEW, size: { cols, rows: 10 }, hasColors: false, now },
      },
    );
  const [, , headings = "", first = ""] = screen(80);
  expect(headings.split(/ {2,}/)).toEqual(["ID", "NAME", "STATE", "CPU", "MEMORY", "AGE"]);
  expect(first).toMatch(/ box +stopped +12\.5 % +[\d.]+ \w+ \/ [\d.]+ \w+ /);
  expect(screen(160)[2]).toMatch(/DISK +RX\/s +TX\/s +PROCS +AGE/);
});

test("the screen has as many lines as the terminal, none wider", () => {
  const rows = fc.array(fc.tuple(fc.string(), fc.option(fc.float({ min: 0, max: 999, noNaN: true }))));
  const size = fc.record({ cols: fc.integer({ min: 80, max: 200 }), rows: fc.integer({ min: 2, max: 60 }) });
  fc.assert(
    fc.property(rows, size, fc.boolean(), (all, terminal, showsHelp) => {
      const view = { ...FIRST_VIEW, showsHelp, from: 1000 };
      const options = { view, size: terminal, hasColors: true, now };
      const lines = topScreen(
        all.map(([name, cpu]) => row(name, cpu ?? undefined)),
        options,
      );
      expect(lines).toHaveLength(terminal.rows);
      for (const line of lines)
        expect(textWidth(stripVTControlCharacters(line))).toBeLessThanOrEqual(terminal.cols);
    }),
  );
});
