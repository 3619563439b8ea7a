import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const FLAGS = ["--conditions=bandsox-source", "--disable-warning=ExperimentalWarning"];
const PATIENCE = { timeout: 20_000 };
const MAIN = join(import.meta.dirname, "main.ts");

/** The command as a process of its own. */
const bandsox = (args: readonly string[], stdout: number) =>
  spawnSync(process.execPath, [...FLAGS, MAIN, ...args], {
    stdio: ["ignore", stdout, "pipe"],
    encoding: "utf8",
    ...PATIENCE,
  });

describe.each(["vm list", "vm list --json", "--help", "vm --help"])("bandsox %s", PATIENCE, (line) => {
  test("onto a full device fails and says why", async () => {
    await using storage = await temporaryDirectory();
    const full = openSync("/dev/full", "w");
    const args = line.includes("help") ? line.split(" ") : [...line.split(" "), "--storage", storage.path];
    const { status, stderr } = bandsox(args, full);
    closeSync(full);
    const forms = {
      people: /^bandsox: cannot write to standard output: no space left[^\n]*\nhint: .*\n$/,
      programs: /^\{"error":\{"code":"disk_full","message":"cannot write to standard output: [^\n]*\}\n$/,
    };
    const form = forms[line.includes("json") ? "programs" : "people"];
    expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringMatching(form) });
  });
});

/** A process with the command's context, which says what it is told and does not end by itself. */
async function patient(work: string) {
  const lines = `import { cliContext } from ${JSON.stringify(join(import.meta.dirname, "context.ts"))};
    const context = cliContext(process);
    const { stdout, stderr, signal } = context;
    setInterval(() => {}, 1000);
    ${work}`;
  const child = execa(process.execPath, [...FLAGS, "--input-type=module", "-e", lines], {
    reject: false,
    ...PATIENCE,
  });
  await once(child.stderr, "data");
  return { child };
}

test.for(["SIGINT", "SIGTERM"] as const)(
  "the first %s interrupts, the second ends",
  PATIENCE,
  async (name) => {
    const { child } = await patient(`
    signal.onabort = () => stderr.write("interrupted");
    stderr.write("up");`);
    child.kill(name);
    await once(child.stderr, "data");
    child.kill(name);
    expect(await child).toMatchObject({ signal: name, stderr: "upinterrupted" });
  },
);

test("a reader that goes away interrupts the work and breaks nothing", PATIENCE, async () => {
  const { child } = await patient(`
    signal.onabort = () => {
      stdout.write("more").then(() => stderr.write("quiet")).then(() => process.exit(7));
    };
    stderr.write("up");
    const flood = () => stdout.write("x".repeat(65536)).then(() => signal.aborted || setImmediate(flood));
    flood();`);
  child.stdout.destroy();
  expect(await child).toMatchObject({ exitCode: 7, stderr: "upquiet" });
});
