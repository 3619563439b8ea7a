import { expect, test } from "vitest";
import { pathAfterLogin } from "./next-path.logic.ts";

test("the page that was wanted is gone to", () => {
  expect(pathAfterLogin("/vms/vm_1?tab=files")).toBe("/vms/vm_1?tab=files");
});

test.for([
  undefined,
  "https://evil.example",
  "//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "javascript:alert(1)",
  "/login?next=/",
])("%s is not gone to", (next) => {
  expect(pathAfterLogin(next)).toBe("/");
});
