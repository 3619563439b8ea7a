import { expect, test } from "vitest";
import { placeOf } from "./link-place.logic.ts";

test("addresses of the web and of mail lead out", () => {
  expect(placeOf("https://example.org/a").kind).toBe("elsewhere");
  expect(placeOf("mailto:a@example.org").kind).toBe("elsewhere");
});

test("what has no scheme is a file of the guest", () => {
  expect(placeOf("docs/a%20b.md#part")).toEqual({ kind: "guest", path: "docs/a b.md" });
  expect(placeOf("/etc/motd")).toEqual({ kind: "guest", path: "/etc/motd" });
});

test.for([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "//evil.example/x",
  "#top",
  "",
  undefined,
  "%ff",
])("%s leads nowhere", (href) => {
  expect(placeOf(href).kind).toBe("nowhere");
});
