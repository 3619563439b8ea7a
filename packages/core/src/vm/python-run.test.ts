import { BandSoxError, type ExecEvent, VmId } from "@bandsox/contract";
import { runningVm } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import type { ExecOptions } from "./exec-options.ts";
import { type PythonHost, runPython } from "./python-run.ts";

const id = VmId.parse("vm_000000000000");

interface Ran {
  readonly argv: readonly string[];
  readonly options: ExecOptions;
}
type Answer = { exitCode?: number; stdout?: string; stderr?: string; timedOut?: boolean } | "missing";

/** A guest whose programs answer as told; what they were asked is written down. */
function guest(answerTo: (argv: readonly string[]) => Answer): PythonHost & { ran: Ran[] } {
  const ran: Ran[] = [];
  return {
    id,
    ran,
    async *execStream(command, options): AsyncGenerator<ExecEvent> {
      const argv = command as readonly string[];
      ran.push({ argv, options });
      const answer = answerTo(argv);
      if (answer === "missing") {
        throw new BandSoxError("exec_not_started", "no such program", { vmId: id, command: argv.join(" ") });
      }
      if (answer.stdout) yield { type: "stdout", data: Buffer.from(answer.stdout) };
      if (answer.stderr) yield { type: "stderr", data: Buffer.from(answer.stderr) };
      yield { type: "exit", exitCode: answer.exitCode ?? 0, timedOut: answer.timedOut ?? false };
    },
  };
}
const withoutUv = (argv: readonly string[]): Answer => (argv[0] === "uv" ? "missing" : {});

test("source runs in the guest's python3, and a failure is a result", async () => {
  await using w = await runningVm();
  expect(await w.vm.execPythonCapture("print('hi')")).toMatchObject({ stdout: "hi\n", success: true });
  const failed = await w.vm.execPythonCapture("import sys; print('no', file=sys.stderr); sys.exit(3)");
  expect(failed).toMatchObject({ exitCode: 3, success: false, error: "no" });
  expect(await w.vm.execPython("raise SystemExit(4)")).toBe(4);
});

test("output is told as it comes", async () => {
  const told: string[] = [];
  await runPython(
    guest(() => ({ stdout: "out", stderr: "err" })),
    "",
    {
      onStdout: (data) => told.push(`1:${Buffer.from(data)}`),
      onStderr: (data) => told.push(`2:${Buffer.from(data)}`),
    },
  );
  expect(told).toEqual(["1:out", "2:err"]);
});

test("a program whose time is up says so, after what it wrote", async () => {
  const late = guest(() => ({ exitCode: 137, stderr: "half way\n", timedOut: true }));
  expect(await runPython(late, "", { timeoutMs: 1 })).toMatchObject({
    ...{ exitCode: 137, success: false, timedOut: true, error: "half way\nthe time was up" },
  });
  expect(await runPython(guest(withoutUv), "")).toMatchObject({ timedOut: false, error: null });
});

describe("a guest without python3", () => {
  test("is told from one whose working directory is wrong", async () => {
    const bare = guest(() => "missing");
    await expect(runPython(bare, "1")).rejects.toMatchObject({
      code: "python_missing",
      details: { vmId: id },
    });
    const wrongDir = guest((argv) => (argv[1] === "-c" ? "missing" : {}));
    await expect(runPython(wrongDir, "1", { cwd: "/nowhere" })).rejects.toMatchObject({
      code: "exec_not_started",
    });
  });

  test("is said to be one when packages are asked for, too", async () => {
    await expect(
      runPython(
        guest(() => "missing"),
        "1",
        { packages: ["a"] },
      ),
    ).rejects.toMatchObject({
      code: "python_missing",
    });
  });
});

describe("packages", () => {
  test("go into an environment of their own by venv and pip, which is removed", async () => {
    const host = guest(withoutUv);
    const result = await runPython(host, "import a", { packages: ["a==1", "b"], cwd: "/srv" });
    expect(result.success).toBe(true);
    const [, make, install, program, remove] = host.ran.map(({ argv }) => argv);
    const dir = make?.at(-1) ?? "";
    expect(make).toEqual(["python3", "-m", "venv", dir]);
    expect(dir).toMatch(/^\/tmp\/bandsox-venv-/);
    expect(install?.slice(0, 4)).toEqual([`${dir}/bin/python`, "-m", "pip", "install"]);
    expect(install?.slice(-3)).toEqual(["--", "a==1", "b"]);
    expect(program).toEqual([`${dir}/bin/python`, "-c", "import a"]);
    expect(remove?.at(-1)).toBe(dir);
    expect(host.ran[3]?.options.cwd).toBe("/srv");
  });

  test("are installed by uv where the image has it, which fetches no Python", async () => {
    const host = guest(() => ({}));
    await runPython(host, "import a", { packages: ["a"], cleanupVenv: false });
    const commands = host.ran.map(({ argv }) => argv.join(" "));
    expect(commands[1]).toMatch(/^uv venv .*--no-python-downloads/);
    expect(commands[2]).toMatch(/^uv pip install .*-- a$/);
    expect(commands).toHaveLength(4);
    expect(commands.join("\n")).not.toContain("curl");
  });

  test("that cannot be installed are a failure with the installer's words, and the program does not run", async () => {
    const host = guest((argv) =>
      argv[2] === "pip" ? { exitCode: 1, stderr: "ERROR: no matching distribution" } : withoutUv(argv),
    );
    const result = await runPython(host, "PROGRAM", { packages: ["nope"] });
    expect(result).toMatchObject({
      success: false,
      exitCode: 1,
      stderr: "ERROR: no matching distribution",
      error: expect.stringContaining("no matching distribution"),
    });
    expect(host.ran.some(({ argv }) => argv.includes("PROGRAM"))).toBe(false);
    expect(host.ran.at(-1)?.argv[2]).toContain("rmtree");
  });

  test("that take too long are told from a program that does", async () => {
    const late = (argv: readonly string[]): Answer =>
      argv[2] === "pip" ? { exitCode: 137, timedOut: true } : withoutUv(argv);
    expect(await runPython(guest(late), "1", { packages: ["a"], timeoutMs: 1000 })).toMatchObject({
      ...{ success: false, timedOut: true, error: "the packages could not be installed: the time was up" },
    });
  });

  test("share one time with the program", async () => {
    const host = guest(withoutUv);
    await runPython(host, "1", { packages: ["a"], timeoutMs: 60_000 });
    for (const { options } of host.ran.slice(0, 4)) expect(options.timeoutMs).toBeLessThanOrEqual(60_000);
  });

  test.for(["--index-url=http://evil", "", "a\nb"])("%j is none", async (name) => {
    const host = guest(() => ({}));
    await expect(runPython(host, "1", { packages: [name] })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(host.ran).toEqual([]);
  });
});
