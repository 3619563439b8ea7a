import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorld, type World } from "../e2e/support/world.ts";
import { makePythonRoot } from "../support/python-root.ts";
import { snippetsOf } from "./snippets.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const NODE = [
  process.execPath,
  "--conditions=bandsox-source",
  "--disable-warning=ExperimentalWarning",
] as const;
/** Those that need an image, a registry or a server of their own; the quickstart has tests of its own. */
const NOT_RUN = new Set(["browser.ts", "quickstart.ts", "quickstart.test.ts", "remote-server.ts"]);

const opened = new AsyncDisposableStack();
let world: World;
/** Inside the repository, so that `bandsox` is found as where it is installed. */
let programs: string;

beforeAll(async () => {
  mkdirSync(join(REPOSITORY, "build"), { recursive: true });
  programs = opened.adopt(mkdtempSync(join(REPOSITORY, "build/snippets-")), (dir) =>
    rmSync(dir, { recursive: true, force: true }),
  );
  world = opened.use(await openWorld());
  const root = join(world.dir, "root");
  makePythonRoot(root);
  // Under the name the documentation uses; no registry is asked for what the store has.
  await world.bandsox.images.import(`dir:${root}`, "python:3-alpine", {
    config: { env: { PATH: "/usr/bin:/bin" } },
  });
});
afterAll(() => opened.disposeAsync());

function run(program: string, ...args: string[]) {
  const [node, ...flags] = NODE;
  return execa(node, [...flags, program, ...args], {
    env: { BANDSOX_STORAGE: world.storage, BANDSOX_COMMAND: join(REPOSITORY, "bandsox") },
    reject: false,
    all: true,
  });
}

/** Programs of a page: they import what they use. */
function programsOf(page: string) {
  return snippetsOf(join(REPOSITORY, page)).filter(
    ({ language, text }) => language === "ts" && /^import .* from "bandsox"/m.test(text),
  );
}

describe("the README", () => {
  test.for(programsOf("README.md"))("its program of line $line runs", async ({ text, line }) => {
    const program = join(programs, `readme-${line}.ts`);
    writeFileSync(program, text);
    expect(await run(program)).toMatchObject({ exitCode: 0 });
    expect(await world.bandsox.listVms()).toEqual([]);
  });

  test("its commands run as they are written", async () => {
    const blocks = snippetsOf(join(REPOSITORY, "README.md")).filter(({ language }) => language === "sh");
    const commands = blocks
      .flatMap(({ text }) => text.split("\n"))
      .filter((line) => /^(\w+=\$\()?bandsox (?!serve)/.test(line));
    expect(commands.length).toBeGreaterThan(10);
    const script = commands.join("\n");
    const { exitCode, all } = await execa("bash", ["-euc", script], {
      cwd: REPOSITORY,
      env: { BANDSOX_STORAGE: world.storage, PATH: `${REPOSITORY}:${process.env.PATH}`, NO_COLOR: "1" },
      reject: false,
      all: true,
    });
    const [vms, snapshots] = [await world.bandsox.listVms(), await world.bandsox.snapshots.list()];
    for (const { id } of vms) await (await world.bandsox.getVm(id)).delete();
    for (const { id } of snapshots) await world.bandsox.snapshots.delete(id);
    if (exitCode !== 0) throw new Error(all);
    expect([vms, snapshots]).toEqual([[], []]);
  });
});

test("the first sandbox of the guides does what it says", async () => {
  const [snippet] = programsOf("docs/guides/first-sandbox.md");
  const program = join(programs, "first-sandbox.ts");
  writeFileSync(program, snippet?.text ?? "throw new Error('the guide has no program')");
  const { exitCode, all } = await run(program);
  if (exitCode !== 0) throw new Error(all);
  expect(all).toContain("3 45");
});

test.for(
  readdirSync(join(REPOSITORY, "examples")).filter((file) => file.endsWith(".ts") && !NOT_RUN.has(file)),
)("the example %s runs, and leaves nothing", async (file) => {
  const { exitCode, all } = await run(join(REPOSITORY, "examples", file));
  if (exitCode !== 0) throw new Error(all);
  expect(await world.bandsox.listVms()).toEqual([]);
  expect(await world.bandsox.snapshots.list()).toEqual([]);
});

test("`bandsox verify` runs every verification, none fails, and no image is left of one", async () => {
  const references = async () =>
    (await world.bandsox.images.list()).flatMap(({ references }) => references).sort();
  const before = await references();
  const { code, stdout, stderr } = await world.cli("verify", "--json", "--image", "python:3-alpine");
  const results: { name: string; result: string; said: string }[] = JSON.parse(stdout || "[]");
  expect({ code, failed: results.filter(({ result }) => result === "failed"), stderr }).toMatchObject({
    code: 0,
    failed: [],
  });
  const programs = readdirSync(join(REPOSITORY, "verification")).filter((file) => file.startsWith("verify-"));
  expect(results.map(({ name }) => `verify-${name}.ts`).sort()).toEqual(
    programs.map((file) => basename(file)).sort(),
  );
  expect(await references()).toEqual(before);
}, 300_000);

test("every program in the documentation has the types it uses", async () => {
  const pages = (await execa("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: REPOSITORY }))
    .stdout;
  for (const [index, page] of pages.split("\n").entries())
    for (const { text, line } of programsOf(page))
      writeFileSync(join(programs, `page-${index}-${line}.ts`), text);
  const config = {
    extends: "../../tsconfig.base.json",
    // By the declarations `tsc -b` has written, as a user's compiler sees them.
    compilerOptions: {
      noEmit: true,
      composite: false,
      rewriteRelativeImportExtensions: false,
      customConditions: [],
    },
    include: ["*.ts"],
  };
  writeFileSync(join(programs, "tsconfig.json"), JSON.stringify(config));
  const { exitCode, stdout } = await execa("tsc", ["-p", programs], { preferLocal: true, reject: false });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
}, 300_000);
