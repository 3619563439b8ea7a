import { execFileSync } from "node:child_process";
import { ExecSpec } from "@bandsox/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findTool } from "../host/find-tool.ts";
import { pythonArgv } from "./python.ts";

const MIB = 1024 * 1024;

test("short source is one argument", () => {
  expect(pythonArgv("print(1)")).toEqual(["python3", "-c", "print(1)"]);
});

test("long source is cut into arguments that Linux takes, between characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (text) => {
      const code = `#${text.replaceAll("\0", "")}`.repeat(20_000);
      const { argv } = ExecSpec.parse({ argv: pythonArgv(code) });
      expect(argv.slice(argv.length > 3 ? 3 : 2).join("")).toBe(code);
    }),
    { numRuns: 20 },
  );
});

describe.skipIf(!findTool("python3"))("what Python makes of long source", () => {
  const python = (code: string) => {
    const [program = "", ...args] = pythonArgv(code);
    return execFileSync(program, args, { encoding: "utf8" });
  };
  const filler = (bytes: number) => `# ${"é".repeat(bytes / 2)}\n`;

  test("1.5 MiB of it run", () => {
    expect(python(`${filler(1.5 * MIB)}print("done")`)).toBe("done\n");
  });

  test("it sees what it would see as a short program", () => {
    const look = "import sys; print(__name__, sys.argv, sorted(globals()))\n";
    expect(python(`${filler(100_000)}${look}`)).toBe(python(look));
  });

  test("its functions and classes find each other", () => {
    const code = "def f(): return g()\ndef g(): return [x for x in range(N)]\nN = 3\nprint(f())\n";
    expect(python(`${filler(100_000)}${code}`)).toBe("[0, 1, 2]\n");
  });
});
