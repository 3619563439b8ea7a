import { Egress } from "@bandsox/contract";
import { expect, test } from "vitest";
import { egressRules, presetOf } from "./egress-rules.ts";

const labels = (egress: unknown) =>
  egressRules(Egress.parse(egress)).map(({ verdict, label }) => `${verdict} ${label}`);

test("what is denied comes first, then what is allowed, then the preset", () => {
  expect(labels({ deny: ["10.1.0.0/16"], allow: ["10.0.0.0/8"], preset: "open" })).toEqual([
    ...["deny 10.1.0.0/16", "allow 10.0.0.0/8", "allow open"],
  ]);
});

test("public is everything but what is not the Internet's", () => {
  expect(labels("public")).toEqual([
    ...["deny this host", "deny private addresses", "deny link-local addresses", "deny reserved addresses"],
    "allow public",
  ]);
});

test("who allows something allows nothing else, who denies something keeps the rest", () => {
  expect(presetOf(Egress.parse({ allow: ["example.com"] }))).toBe("none");
  expect(presetOf(Egress.parse({ deny: ["example.com"] }))).toBe("public");
});
