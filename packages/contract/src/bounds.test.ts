import { describe, expect, test } from "vitest";
import { ARGUMENT_MAX_BYTES, Env, ExecSpec, parseInput, VmName } from "./index.ts";

const refusal = (field: string) =>
  expect.objectContaining({ code: "invalid_argument", details: expect.objectContaining({ field }) });

describe("what Linux would refuse to pass on is refused here, by name", () => {
  test("an argument of 128 KiB with its NUL", () => {
    const longest = "x".repeat(ARGUMENT_MAX_BYTES);
    expect(ExecSpec.parse({ argv: ["echo", longest] }).argv[1]).toHaveLength(ARGUMENT_MAX_BYTES);
    expect(() => parseInput(ExecSpec, { argv: ["echo", `${longest}x`] }, "exec")).toThrow(refusal("argv.1"));
  });

  test("bytes count, not characters", () => {
    const text = "€".repeat(Math.floor(ARGUMENT_MAX_BYTES / 3) + 1);
    expect(() => parseInput(ExecSpec, { argv: [text] }, "exec")).toThrow(refusal("argv.0"));
  });

  test("a variable, its name and the equals sign included", () => {
    const value = "x".repeat(ARGUMENT_MAX_BYTES - 2);
    expect(Env.safeParse({ A: value }).success).toBe(true);
    expect(() => parseInput(Env, { B: "", AB: value }, "env")).toThrow(refusal("AB"));
  });
});

test.for(["vm_1", "vm_000000000000", "vm_x"])("the name %s would be taken for an id", (name) => {
  expect(VmName.safeParse(name).success).toBe(false);
});

test.for(["vm", "vm-1", "my_vm_1", "VM.1"])("the name %s is one", (name) => {
  expect(VmName.safeParse(name).success).toBe(true);
});
