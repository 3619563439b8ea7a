import { differencesContract } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { defaultBinDir, helperPaths } from "../host/paths.ts";
import { helperDifferences } from "./differences.ts";

const differences = helperDifferences(helperPaths(defaultBinDir(process.env)).snapshot);

describe("differences of the helper's", () => differencesContract(differences));

test("a base that is gone is told by its name", async () => {
  const from = { base: "/nowhere/memory.base", difference: "/nowhere/memory.diff" };
  await expect(differences.apply(from, "/nowhere/memory", {})).rejects.toThrow("/nowhere/memory");
});
