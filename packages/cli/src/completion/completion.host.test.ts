import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";

const BANDSOX = resolve(import.meta.dirname, "../../../../bandsox");

const isHere = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;
const missing = (shell: string) => {
  if (isHere(shell)) return false;
  process.stderr.write(`${shell} is not installed: its completions are not loaded\n`);
  return true;
};

/** A directory with the script of a shell, and `bandsox` in a PATH. */
async function loaded(shell: string) {
  const directory = await temporaryDirectory();
  const { path } = directory;
  await mkdir(join(path, "bin"));
  await symlink(BANDSOX, join(path, "bin/bandsox"));
  const env = {
    ...process.env,
    PATH: `${join(path, "bin")}:${process.env.PATH}`,
    BANDSOX_STORAGE: join(path, "storage"),
  };
  const script = join(path, "script");
  await writeFile(script, execFileSync(BANDSOX, ["completion", shell], { env }));
  const run = (line: string) =>
    execFileSync(shell, [...(shell === "zsh" ? ["-f"] : []), "-c", line], { env, encoding: "utf8" });
  return { script, run, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

describe("completions", { timeout: 120_000 }, () => {
  test.skipIf(missing("bash"))("are taken by bash, which completes with them", async () => {
    await using shell = await loaded("bash");
    const typed = (...words: string[]) => {
      const quoted = words.map((word) => `'${word}'`).join(" ");
      const line = `source '${shell.script}'; complete -p bandsox >/dev/null || exit 9
        COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _bandsox; echo "\${COMPREPLY[*]}"`;
      return shell.run(line).trim().split(" ");
    };
    expect(typed("bandsox", "vm", "st")).toEqual(["start", "stop"]);
    expect(typed("bandsox", "vm", "stop", "--gr")).toEqual(["--grace"]);
    expect(typed("bandsox", "create", "--boot", "")).toEqual(["golden", "cold"]);
    expect(typed("bandsox", "")).toEqual(expect.arrayContaining(["create", "vm", "snapshot", "mcp"]));
  });

  test.skipIf(missing("zsh"))("are taken by zsh, for which they are those of the command", async () => {
    await using shell = await loaded("zsh");
    const line = `autoload -U compinit; compinit -u -D; source '${shell.script}'; print $_comps[bandsox]; whence -w _bandsox`;
    expect(shell.run(line)).toBe("_bandsox\n_bandsox: function\n");
  });

  test.skipIf(missing("fish"))("are taken by fish, which completes with them", async () => {
    await using shell = await loaded("fish");
    const completed = shell.run(`source '${shell.script}'; complete -C 'bandsox vm st'`);
    expect(completed.split("\n").map((text) => text.split("\t")[0])).toEqual(["start", "stop", ""]);
  });
});
