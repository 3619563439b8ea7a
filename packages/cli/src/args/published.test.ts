import { expect, test } from "vitest";
import { parsePublished } from "./published.ts";

test.for([
  ["80", { guest: 80, host: 0 }],
  ["8080:80", { guest: 80, host: 8080 }],
  ["0.0.0.0:8080:80", { guest: 80, host: 8080, address: "0.0.0.0" }],
  ["[::1]:8080:80", { guest: 80, host: 8080, address: "::1" }],
] as const)("%s is a published port", ([text, port]) => {
  expect(parsePublished(text)).toEqual(port);
});

test.for(["", "http", "80:", ":80", "1.2.3:8080:80", "8080:80:70:60", "::1:8080:80", "70000", "[zz]:1:2"])(
  "%j is none",
  (text) => {
    expect(() => parsePublished(text)).toThrow(RangeError);
  },
);
