import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { findTool } from "./find-tool.ts";
import { findProcessIdentity, isAlive } from "./process-identity.ts";
import { run } from "./run.ts";

const PATIENCE = { timeout: 20_000 };
const FLAGS = ["--conditions=bandsox-source", "--disable-warning=ExperimentalWarning", "--input-type=module"];

describe.skipIf(!findTool("setpriv"))("a tool that ends with us", PATIENCE, () => {
  test("gets SIGTERM when its creator is killed", async () => {
    await using directory = await temporaryDirectory();
    const sign =
      "trap 'echo told > end; exit' TERM; echo $$ > pid.new; mv pid.new pid; while :; do sleep 0.01; done";
    const program = `import { run } from ${JSON.stringify(join(import.meta.dirname, "run.ts"))};
      await run("sh", ["-c", ${JSON.stringify(sign)}]);`;
    const cwd = directory.path;
    const creator = execa(process.execPath, [...FLAGS, "-e", program], { cwd, reject: false, ...PATIENCE });
    await expect.poll(() => read(join(cwd, "pid")), PATIENCE).toMatch(/\d/);
    const tool = findProcessIdentity(Number(await read(join(cwd, "pid"))));
    expect(tool).toBeDefined();
    creator.kill("SIGKILL");
    await creator;
    await expect.poll(() => tool && isAlive(tool), PATIENCE).toBe(false);
    expect(await read(join(cwd, "end"))).toBe("told\n");
  });

  test("is itself what is missing or failed", async () => {
    await expect(run("no-such-tool-of-ours", [])).rejects.toMatchObject({
      code: "tool_missing",
      details: { tool: "no-such-tool-of-ours" },
    });
    await expect(run("sh", ["-c", "exit 3"])).rejects.toMatchObject({
      code: "tool_failed",
      message: expect.stringContaining("`sh -c exit 3` ended with 3"),
    });
  });
});

function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
