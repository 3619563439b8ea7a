import { join } from "node:path";
import { scriptedHost } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const FETCH = `echo '{"type":"blob","digest":"sha256:1","sizeBytes":9,"state":"started"}'
echo '{"type":"error","code":"image_invalid","message":"it is broken"}'; exit 1`;

describe.skipIf(process.arch !== "x64")("run", { timeout: 30_000 }, () => {
  const run = async (...args: string[]) => {
    await using host = await scriptedHost({ "bandsox-image": FETCH });
    const main = join(import.meta.dirname, "../main.ts");
    const flags = ["--conditions=bandsox-source", "--disable-warning=ExperimentalWarning"];
    const { stderr } = await execa(process.execPath, [...flags, main, "run", ...args], {
      env: host.env,
      reject: false,
      timeout: 20_000,
    });
    return stderr;
  };

  test("says on stderr what takes long", async () => {
    expect(await run("alpine")).toMatch(/^fetching alpine\nbandsox: it is broken/);
  });

  test.for(["-q", "--quiet"])("with %s says only what went wrong", async (option) => {
    expect(await run(option, "alpine")).toMatch(/^bandsox: it is broken/);
  });
});
