import { expect, test } from "vitest";
import { comparison, comparisonTable } from "./comparison.ts";

const round = (...values: readonly number[]) => ({
  figures: values.map((value, at) => ({ id: `B0${at}`, name: "ping", value, unit: "ms" })),
});

test("rounds are compared one by one: what slows both sides down changes no ratio", () => {
  const [compared] = comparison([round(1), round(10), round(3)], [round(2), round(20), round(3)]);
  expect(compared).toEqual({
    ...{ id: "B00", name: "ping", unit: "ms", here: 3, there: 3, ratio: 0.5, ratios: [0.5, 1] },
  });
});

test("figures that only one side has are left out", () => {
  expect(comparison([round(1, 2)], [round(1)]).map(({ id }) => id)).toEqual(["B00"]);
  expect(comparison([round(1)], [])).toEqual([]);
});

test("the table says what the other side is and over how many rounds", () => {
  const text = comparisonTable(comparison([round(150)], [round(100)]), { peer: "abc1234", rounds: 1 });
  expect(text).toContain("here ÷ abc1234, median of 1");
  expect(text).toContain("| B00 | ping | 150 ms | 100 ms | 1.50× | 1.50× to 1.50× |");
});
