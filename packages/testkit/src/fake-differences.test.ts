import { describe } from "vitest";
import { differencesContract } from "./differences-contract.ts";
import { fakeDifferences } from "./fake-differences.ts";

describe("fake differences", () => differencesContract(fakeDifferences()));
