import { existsSync, readdirSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { storeCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { EXIT, ExitWith } from "../exit-codes.ts";
import { table } from "../print/table.ts";
import { tell } from "../print/tell.ts";
import { duration } from "../print/time.ts";
import { whereOf } from "../where.ts";
import { startOwnProgram } from "./own-program.ts";

/** Where the programs are: beside this file's bundle in an installed package, else in the repository. */
const PLACES = ["../verification", "../../verification", "../../../../verification"];
const PREFIX = "verify-";
const SKIPPED = 77;
const RESULTS: Readonly<Record<number, "ok" | "skipped">> = { 0: "ok", [SKIPPED]: "skipped" };

/** What came of one verification. */
interface Verified {
  readonly name: string;
  readonly result: "ok" | "skipped" | "failed";
  readonly durationMs: number;
  /** What it said last: why it failed, or was skipped */
  readonly said: string;
}

/** `bandsox verify`: runs the programs that show what BandSox promises, each by itself. */
export function verifyCommand(context: CliContext) {
  return storeCommand("verify")
    .description("try what BandSox promises, with VMs of its own on this machine or a server")
    .argument("[names...]", "what to try, e.g. snapshots (default: everything)")
    .option("--image <image>", "image with a shell and Python (default: one that is in the store)")
    .addHelpText(
      "after",
      `\nEnds with 1 when something did not hold.\n\nExamples:\n  bandsox verify\n  bandsox verify file-ops snapshots`,
    )
    .action(async (names, { image, ...options }) => {
      const where = await whereOf(options, context.env);
      const env = {
        ...context.env,
        ...(where.kind === "server"
          ? { BANDSOX_URL: where.url, BANDSOX_API_KEY: where.apiKey }
          : { BANDSOX_URL: undefined, BANDSOX_STORAGE: where.storageDir ?? context.env.BANDSOX_STORAGE }),
        ...(image === undefined ? {} : { BANDSOX_VERIFY_IMAGE: image }),
        BANDSOX_MAIN: process.argv[1],
      };
      const results: Verified[] = [];
      for (const program of chosen(names)) {
        if (!options.quiet) await context.stderr.write(`${nameOf(program)} …\n`);
        results.push(await run(program, { env, context, isQuiet: options.quiet === true }));
      }
      await tell(context, options, { json: results, text: () => shown(context, results) });
      if (results.some(({ result }) => result === "failed")) throw new ExitWith(EXIT.unhealthy);
    });
}

/** The programs that are meant, in the order they are there. */
function chosen(names: readonly string[]): string[] {
  const dir = PLACES.map((place) => resolve(import.meta.dirname, place)).find(existsSync);
  const programs = dir === undefined ? [] : readdirSync(dir).filter((file) => file.startsWith(PREFIX));
  const found = programs.filter((file) => /\.[jt]s$/.test(file)).map((file) => join(dir ?? "", file));
  const wanted = new Set(names.map((name) => name.replace(/^verify-/, "")));
  const unknown = [...wanted].filter((name) => !found.some((program) => nameOf(program) === name));
  if (unknown.length === 0)
    return wanted.size === 0 ? found : found.filter((program) => wanted.has(nameOf(program)));
  const message = `no verification ${unknown.join(", ")}; there are: ${found.map(nameOf).join(", ")}`;
  throw new BandSoxError("invalid_argument", message, { field: "names", found: unknown });
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf(PREFIX) + PREFIX.length, -extname(program).length);
}

/** Runs one program to its end; what it says goes on as it comes. */
async function run(
  program: string,
  { env, context, isQuiet }: { env: NodeJS.ProcessEnv; context: CliContext; isQuiet: boolean },
): Promise<Verified> {
  const begun = performance.now();
  const stdio = ["ignore", "pipe", isQuiet ? "ignore" : "inherit"] as const;
  const { child, ended } = startOwnProgram(context, [program], { env, stdio: [...stdio] });
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (data: string) => {
    said += data;
    if (!isQuiet) void context.stderr.write(indented(data));
  });
  const [code, signal] = await ended;
  const last = said.trimEnd().split("\n").at(-1) ?? "";
  return {
    name: nameOf(program),
    result: RESULTS[code ?? -1] ?? "failed",
    durationMs: Math.round(performance.now() - begun),
    said: signal === null ? last : `ended by ${signal}`,
  };
}

function indented(said: string): string {
  return said.replaceAll(/^(?=.)/gm, "  ");
}

function shown({ stdout }: CliContext, results: readonly Verified[]): string {
  const style = { ok: "green", skipped: "yellow", failed: "red" } as const;
  const rows = results.map(({ name, result, durationMs, said }) => [
    name,
    { text: result, style: style[result] },
    duration(durationMs),
    said,
  ]);
  return table(stdout, ["VERIFICATION", "RESULT", "TOOK", "SAID"], rows);
}
