import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { describe, expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { VERSION } from "./cli-version.ts";
import type { CliContext } from "./context.ts";
import { OUTPUTS } from "./json/outputs.ts";
import { bandsoxCommand } from "./program.ts";
import { cliReference } from "./reference/cli-reference.ts";
import { runCli } from "./run-cli.ts";

/** A command line that reaches nothing, and what it printed. */
function world(env: Record<string, string> = {}) {
  const printed = { stdout: "", stderr: "" };
  const output = (name: keyof typeof printed) => ({
    ...{ isTty: false, columns: 80, hasColors: false },
    write: async (data: string | Uint8Array) => {
      printed[name] += data;
    },
  });
  const context = {
    env,
    stdout: output("stdout"),
    stderr: output("stderr"),
    signal: new AbortController().signal,
    openBandSox: () => Promise.reject(new Error("nothing is opened")),
  } as unknown as CliContext;
  return { context, printed, run: (...args: string[]) => runCli(args, context) };
}

/** Commands that do something, by their names. */
function leaves(command: CommandUnknownOpts, path: string[] = []): [string, CommandUnknownOpts][] {
  const children = command.commands.filter((child) => child.name() !== "help");
  if (children.length === 0) return [[path.join(" "), command]];
  return children.flatMap((child) => leaves(child, [...path, child.name()]));
}

const all = leaves(await bandsoxCommand(world().context));
/** Commands whose stdout speaks a protocol of its own. */
const PROTOCOLS = new Set(["mcp"]);

describe.each(all)("bandsox %s", (name, command) => {
  test("has help that is as it was, with examples of itself", async () => {
    const { run, printed } = world();
    expect(await run(...name.split(" "), "--help")).toBe(0);
    expect(printed.stderr).toBe("");
    expect(printed.stdout).toMatch(new RegExp(`Examples:[^]*bandsox ${name}\\b`));
    await expect(printed.stdout).toMatchFileSnapshot(`./help/${name.replaceAll(" ", "-")}.txt`);
  });

  test("can be told to print JSON, and what it prints is described", () => {
    const flags = command.options.map(({ long }) => long);
    expect(flags).toEqual(expect.arrayContaining(["--json", "--quiet", "--storage"]));
    expect(Object.keys(OUTPUTS).includes(name)).toBe(!PROTOCOLS.has(name));
  });
});

test("every output that is described is a command's", () => {
  const names = new Set(all.map(([name]) => name));
  const described = Object.keys(OUTPUTS).map((name) => name.replace(/ --.*/, ""));
  expect(described.filter((name) => !names.has(name))).toEqual([]);
});

test("the start of the help is as it was", async () => {
  const { run, printed } = world();
  expect(await run("--help")).toBe(0);
  await expect(printed.stdout).toMatchFileSnapshot("./help/bandsox.txt");
});

test.for([
  [["crate"], "create"],
  [["vm", "stpo"], "stop"],
  [["snapshot", "lst"], "one of list, ls"],
  [["vm", "list", "--jsn"], "--json"],
] as const)("%j is a usage error that suggests what was meant", async ([args, meant]) => {
  const { run, printed } = world();
  expect(await run(...args)).toBe(2);
  expect(printed.stdout).toBe("");
  expect(printed.stderr).toMatch(
    new RegExp(`^bandsox: .*\n\\(Did you mean ${meant}\\?\\)\ntry: bandsox .*--help\n$`),
  );
});

test("what is said before the command's name counts for it", async () => {
  const { run, printed } = world();
  expect(await run("--json", "version")).toBe(0);
  expect(JSON.parse(printed.stdout)).toMatchObject({ version: VERSION });
});

test("the version is that of the package", async () => {
  const { run, printed } = world();
  expect(await run("--version")).toBe(0);
  expect(printed.stdout).toBe(`${manifest.version}\n`);
});

test("the page that describes the command line is up to date: `npx vitest run packages/cli/src/program.test.ts -u` writes it", async () => {
  const page = cliReference(await bandsoxCommand(world().context));
  await expect(page).toMatchFileSnapshot("../../../docs/cli.md");
});
