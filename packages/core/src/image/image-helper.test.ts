import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { findProcessIdentity } from "../host/process-identity.ts";
import { callImageHelper } from "./image-helper.ts";

/** A helper that says `line`, then works on until it is told to end, which it takes its time for. */
async function stubbornHelper(line: string) {
  const directory = await temporaryDirectory();
  const at = (name: string) => `${directory.path}/${name}`;
  const program = `#!/bin/sh
echo $$ > ${at("pid")}
trap 'sleep 0.2; echo cleaned > ${at("cleaned")}; exit 1' TERM
echo '${line}'
while :; do sleep 0.05; done
`;
  writeFileSync(at("helper"), program);
  chmodSync(at("helper"), 0o755);
  const call = { helperPath: at("helper"), args: ["fetch"], reference: "alpine" };
  const assertEnded = () => {
    expect(readFileSync(at("cleaned"), "utf8")).toBe("cleaned\n");
    expect(findProcessIdentity(Number(readFileSync(at("pid"), "utf8")))).toBeUndefined();
  };
  return { call, assertEnded, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test("a helper whose events are refused is ended before the refusal is passed on", async () => {
  await using helper = await stubbornHelper('{"type":"mkfs"}');
  const onEvent = () => {
    throw new Error("refused");
  };
  await expect(callImageHelper({ ...helper.call, onEvent }, "image")).rejects.toThrow("refused");
  helper.assertEnded();
});

test("a helper that says no event has failed, and is ended", async () => {
  await using helper = await stubbornHelper("panic: no");
  await expect(callImageHelper(helper.call, "image")).rejects.toMatchObject({
    code: "tool_failed",
    details: { output: "panic: no" },
  });
  helper.assertEnded();
});

test("a helper that is interrupted has ended when the call has", async () => {
  const controller = new AbortController();
  await using helper = await stubbornHelper('{"type":"mkfs"}');
  const call = { ...helper.call, signal: controller.signal, onEvent: () => controller.abort() };
  await expect(callImageHelper(call, "image")).rejects.toMatchObject({ code: "interrupted" });
  helper.assertEnded();
});

test("a helper that is not there is named", async () => {
  const call = { helperPath: "/nonexistent/helper", args: ["fetch"], reference: "alpine" };
  await expect(callImageHelper(call, "image")).rejects.toMatchObject({ code: "tool_missing" });
});

test.each([
  ["an option", { args: ["fetch", "--platform", "linux\0"] }],
  ["a credential", { env: { BANDSOX_REGISTRY_CREDS: "user:\0" } }],
])("%s with a NUL is refused before anything is started", async (_, given) => {
  const call = { helperPath: "/nonexistent/helper", args: ["fetch"], reference: "alpine", ...given };
  await expect(callImageHelper(call, "image")).rejects.toMatchObject({ code: "invalid_argument" });
});
