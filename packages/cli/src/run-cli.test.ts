import { BandSoxError } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { BandSox } from "bandsox";
import { describe, expect, test } from "vitest";
import type { CliContext } from "./context.ts";
import { runCli } from "./run-cli.ts";
import { keyboardOf, screenOf } from "./terminal/device.ts";

interface WorldOptions {
  /** Called with each text written to stderr */
  readonly onError?: (text: string) => void;
  readonly signal?: AbortSignal;
  readonly open?: (storageDir: string) => BandSox;
}

/** Runs command lines in this process on a storage of the test's own. */
async function world({ onError, signal, open }: WorldOptions = {}) {
  const { path, [Symbol.asyncDispose]: dispose } = await temporaryDirectory();
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    ...{ isTty: false, columns: 80, hasColors: false },
    write: async (data: string | Uint8Array) => {
      written[name] += data;
      if (name === "stderr") onError?.(String(data));
    },
  });
  const context: CliContext = {
    env: {},
    stdout: output("stdout"),
    stderr: output("stderr"),
    stdin: keyboardOf(() => process.stdin),
    screen: screenOf(process.stdout),
    signal: signal ?? new AbortController().signal,
    openBandSox: async () => open?.(path) ?? new BandSox({ storageDir: path }),
  };
  const run = (...args: string[]) => runCli(args, context);
  return { run, written, [Symbol.asyncDispose]: dispose };
}

/** A handle whose closing fails. */
class Stuck extends BandSox {
  override async [Symbol.asyncDispose]() {
    await super[Symbol.asyncDispose]();
    throw new BandSoxError("disk_full", "cannot close the storage: no space", { path: "/" });
  }
}

test("what failed first is told first, then what failed in cleaning up", async () => {
  await using w = await world({ open: (storageDir) => new Stuck({ storageDir }) });
  expect(await w.run("exec", "nobody", "true")).toBe(125);
  expect(w.written.stderr).toMatch(
    /^bandsox: there is no VM .*"nobody"[\s\S]*cleaning up failed, too[\s\S]*no space/,
  );
  expect(w.written.stderr).not.toContain("internal error");
});

test("a failure in cleaning up alone is a failure", async () => {
  await using w = await world({ open: (storageDir) => new Stuck({ storageDir }) });
  expect(await w.run("vm", "list")).toBe(125);
  expect(w.written.stderr).toMatch(/^bandsox: cannot close the storage/);
});

describe.each(["stop", "delete"])("vm %s of several", (command) => {
  test("goes on past one that fails", async () => {
    await using w = await world();
    expect(await w.run("vm", command, "one", "two")).toBe(125);
    expect(w.written.stderr).toMatch(/"one"[\s\S]*"two"/);
  });

  test("leaves the rest alone once interrupted", async () => {
    const controller = new AbortController();
    const looked: string[] = [];
    class Watched extends BandSox {
      override getVm(reference: string) {
        looked.push(reference);
        return super.getVm(reference);
      }
    }
    await using w = await world({
      signal: controller.signal,
      onError: () => controller.abort(), // between two VMs: what was said of the first is being written
      open: (storageDir) => new Watched({ storageDir }),
    });
    expect(await w.run("vm", command, "one", "two")).toBe(130);
    expect(looked).toEqual(["one"]);
  });
});

test.for([
  ["vm", "list"],
  ["doctor"],
  ["init"],
  ["create", "alpine"],
  ["run", "alpine"],
  ["exec", "vm", "true"],
  ["vm", "stop", "vm"],
  ["vm", "delete", "vm"],
])("%j refuses an empty storage directory", async (args) => {
  await using w = await world();
  const at = args[0] === "vm" ? 2 : 1;
  expect(await w.run(...args.toSpliced(at, 0, "--storage", ""))).toBe(2);
  expect(w.written.stderr).toContain("--storage");
});
