import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { type FilesWorld, filesWorld } from "@bandsox/testkit";
import type { BandSox } from "bandsox";
import { describe, expect, test } from "vitest";
import type { CliContext } from "../context.ts";
import type { Output } from "../output.ts";
import { runCli } from "../run-cli.ts";

/** A command line with one VM, `my-vm`, whose files are those of the world. */
function commandLine({ files }: FilesWorld, { isTty = false, stdin = Buffer.alloc(0) as Uint8Array } = {}) {
  const printed = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const output = (name: keyof typeof printed): Output => ({
    ...{ isTty, columns: 80, hasColors: false },
    write: async (data) => {
      printed[name] = Buffer.concat([printed[name], Buffer.from(data as Uint8Array)]);
    },
  });
  const getVm = async (reference: string) => {
    expect(reference).toBe("my-vm");
    return { files };
  };
  const context: CliContext = {
    env: {},
    stdout: output("stdout"),
    stderr: output("stderr"),
    stdin: { isTty, open: () => Readable.from([stdin], { objectMode: false }), setRaw: () => {} },
    screen: {
      size: { cols: 80, rows: 24 },
      onResize: () => ({ [Symbol.dispose]: () => {} }),
      writeNow: () => {},
    },
    signal: new AbortController().signal,
    openBandSox: async () => ({ getVm, [Symbol.asyncDispose]: async () => {} }) as unknown as BandSox,
  };
  return {
    run: (...args: string[]) => runCli(args, context),
    stdout: () => printed.stdout,
    text: () => ({ stdout: printed.stdout.toString(), stderr: printed.stderr.toString() }),
  };
}

describe("cp of files", () => {
  test("into a directory, under a new name, and back", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w);
    await mkdir(`${w.root}/srv`);
    await writeFile(`${w.host}/f`, "content");
    expect(await cli.run("cp", `${w.host}/f`, "my-vm:/srv")).toBe(0);
    expect(await cli.run("cp", `${w.host}/f`, "my-vm:srv/g")).toBe(0);
    expect(await readdir(`${w.root}/srv`)).toEqual(["f", "g"]);
    expect(await cli.run("cp", "my-vm:/srv/g", w.host)).toBe(0);
    expect(await cli.run("cp", "my-vm:/srv/g", `${w.host}/h`)).toBe(0);
    expect((await readdir(w.host)).sort()).toEqual(["f", "g", "h"]);
    expect(await readFile(`${w.host}/h`, "utf8")).toBe("content");
    expect(cli.text()).toEqual({ stdout: "", stderr: "" });
  });

  test("what is not there is told with what to do", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w);
    expect(await cli.run("cp", "my-vm:/none", w.host)).toBe(125);
    expect(cli.text().stderr).toMatch(/^bandsox: cannot look at \/none .*\nhint: .*bandsox ls/);
    expect(await cli.run("cp", `${w.host}/none`, "my-vm:/")).toBe(125);
  });

  test("a directory that is meant but not there is no file's name", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, "");
    expect(await commandLine(w).run("cp", "my-vm:/f", `${w.host}/new/`)).toBe(125);
    expect(await readdir(w.host)).toEqual([]);
  });

  test("a terminal sees progress, and its line is cleared", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w, { isTty: true });
    await writeFile(`${w.root}/f`, Buffer.alloc(3_000_000));
    expect(await cli.run("cp", "my-vm:/f", w.host)).toBe(0);
    const shown = cli.text().stderr;
    expect(shown.endsWith(`copying: [${"#".repeat(20)}] 3.0 of 3.0 MB\r\u001b[2K`)).toBe(true);
    expect(await cli.run("cp", "-q", "my-vm:/f", w.host)).toBe(0);
    expect(cli.text().stderr).toBe(shown);
  });

  test.for([
    ["two paths of this machine", "a", "b"],
    ["two VMs", "my-vm:/a", "my-vm:/b"],
    ["a path and a tar", "./a:b", "-"],
  ])("%s are a usage error", async ([, from, to]) => {
    await using w = await filesWorld();
    const cli = commandLine(w);
    expect(await cli.run("cp", from ?? "", to ?? "")).toBe(2);
    expect(cli.text().stderr).toContain("vm:path");
  });
});

describe("cp of directories", () => {
  async function tree(root: string) {
    await mkdir(`${root}/app/deep`, { recursive: true });
    await writeFile(`${root}/app/deep/f`, "f");
    await writeFile(`${root}/app/x.log`, "x");
  }

  test("under a new name, below an existing one, or only what is in it", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w);
    await tree(w.host);
    expect(await cli.run("cp", `${w.host}/app`, "my-vm:/new")).toBe(0);
    expect(await cli.run("cp", "--exclude", "*.log", `${w.host}/app`, "my-vm:/new")).toBe(0);
    expect((await readdir(`${w.root}/new`, { recursive: true })).sort()).toEqual([
      "app",
      "app/deep",
      "app/deep/f",
      "deep",
      "deep/f",
      "x.log",
    ]);
    await mkdir(`${w.root}/flat`);
    expect(await cli.run("cp", `${w.host}/app/.`, "my-vm:/flat")).toBe(0);
    expect((await readdir(`${w.root}/flat`)).sort()).toEqual(["deep", "x.log"]);
    expect(cli.text().stderr).toBe("");
  });

  test("to this machine, with what was left out told", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w);
    await tree(w.root);
    execFileSync("mkfifo", [`${w.root}/app/pipe`]);
    expect(await cli.run("cp", "my-vm:/app", w.host)).toBe(0);
    expect((await readdir(`${w.host}/app`, { recursive: true })).sort()).toEqual(["deep", "deep/f", "x.log"]);
    expect(cli.text().stderr).toBe("left out: pipe: a FIFO is not made on this host\n");
  });

  test("as a tar, in and out", async () => {
    await using w = await filesWorld();
    await tree(w.host);
    const tar = execFileSync("tar", ["-C", w.host, "-cf", "-", "app"]);
    const cli = commandLine(w, { stdin: tar });
    expect(await cli.run("cp", "-", "my-vm:/in")).toBe(0);
    expect(await readFile(`${w.root}/in/app/deep/f`, "utf8")).toBe("f");
    expect(await cli.run("cp", "my-vm:/in", "-")).toBe(0);
    expect(execFileSync("tar", ["-t"], { input: cli.stdout() }).toString()).toContain("./app/deep/f\n");
  });

  test("a tar is kept from a terminal", async () => {
    await using w = await filesWorld();
    const cli = commandLine(w, { isTty: true });
    expect(await cli.run("cp", "my-vm:/", "-")).toBe(2);
    expect(await cli.run("cp", "-", "my-vm:/")).toBe(2);
    expect(cli.text().stdout).toBe("");
  });
});

describe("ls", () => {
  test("names a directory's files, or one file", async () => {
    await using w = await filesWorld();
    await mkdir(`${w.root}/d`);
    await writeFile(`${w.root}/d/b`, "");
    await writeFile(`${w.root}/d/a`, "", { mode: 0o640 });
    const cli = commandLine(w);
    expect(await cli.run("ls", "my-vm:/d")).toBe(0);
    expect(await cli.run("ls", "my-vm:/d/b")).toBe(0);
    expect(cli.text().stdout).toBe("a\nb\nb\n");
  });

  test("-l shows what they are", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, "12345", { mode: 0o640 });
    await w.files.symlink("f", "/l");
    const cli = commandLine(w);
    expect(await cli.run("ls", "-l", "my-vm:/")).toBe(0);
    const [file, link] = cli.text().stdout.split("\n");
    expect(file).toMatch(/^-rw-r----- \d+:\d+ +5 \d{4}-\d\d-\d\d \d\d:\d\d f$/);
    expect(link).toMatch(/^lrwxrwxrwx .* l -> f$/);
  });

  test("control characters of a name do not reach the terminal, but programs get the name", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/a\u001b[2Jb\n`, "");
    const cli = commandLine(w);
    expect(await cli.run("ls", "my-vm:/")).toBe(0);
    expect(cli.text().stdout).toBe("a?[2Jb?\n");
    const json = commandLine(w);
    expect(await json.run("ls", "--json", "my-vm:/")).toBe(0);
    expect(JSON.parse(json.text().stdout)).toMatchObject([{ name: "a\u001b[2Jb\n" }]);
  });

  test("a path without a VM is a usage error", async () => {
    await using w = await filesWorld();
    expect(await commandLine(w).run("ls", "/etc")).toBe(2);
  });
});

test("cat prints files one after the other, byte for byte", async () => {
  await using w = await filesWorld();
  await writeFile(`${w.root}/a`, Buffer.from([0, 255]));
  await writeFile(`${w.root}/b`, "b");
  const cli = commandLine(w);
  expect(await cli.run("cat", "my-vm:/a", "my-vm:/b")).toBe(0);
  expect(cli.stdout()).toEqual(Buffer.from([0, 255, 98]));
  expect(await cli.run("cat", "my-vm:/none")).toBe(125);
});
