import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ScriptedHost, scriptedHost } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const start = (host: ScriptedHost) =>
  execa(
    process.execPath,
    [
      "--conditions=bandsox-source",
      "--disable-warning=ExperimentalWarning",
      join(import.meta.dirname, "quickstart.ts"),
    ],
    { env: host.env, reject: false, timeout: 20_000 },
  );

const failing = (code: string) =>
  `echo '{"type":"error","code":"${code}","message":"the registry says no"}'; exit 1`;

describe.skipIf(process.arch !== "x64")("the quickstart", { timeout: 30_000 }, () => {
  test.for(["registry_unreachable", "registry_unauthorized", "registry_rate_limited"])(
    "builds an image of its own on %s",
    async (code) => {
      const mmdebstrap = "echo this is the mirror >&2; exit 1";
      await using host = await scriptedHost({ "bandsox-image": failing(code), mmdebstrap });
      const { stdout, stderr } = await start(host);
      expect(stdout).toMatch(/the registry says no[\s\S]*Debian's mirror instead/);
      expect(stderr).toContain("this is the mirror");
    },
  );

  test("tells any other failure as it is", async () => {
    await using host = await scriptedHost({ "bandsox-image": failing("image_invalid") });
    const { stdout, stderr, exitCode } = await start(host);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the registry says no");
    expect(stdout).not.toContain("mirror");
  });

  test.for(["SIGINT", "SIGTERM"] as const)("ends cleanly on %s, whatever it is doing", async (name) => {
    await using host = await scriptedHost({ "bandsox-image": 'touch "$HOME/pulling"; exec sleep 1000' });
    const running = start({ ...host, env: { ...host.env, HOME: host.dir } });
    await expect.poll(() => existsSync(join(host.dir, "pulling")), { timeout: 20_000 }).toBe(true);
    running.kill(name);
    const { stderr, exitCode, signal } = await running;
    expect({ stderr, exitCode, signal }).toEqual({
      stderr: expect.stringMatching(/^interrupted[^\n]*$/),
      exitCode: 130,
      signal: undefined,
    });
  });

  test("leaves no mmdebstrap behind when it is killed", async () => {
    const mmdebstrap =
      'trap "exit" TERM; echo $$ > "$HOME/pid.new"; mv "$HOME/pid.new" "$HOME/pid"; while :; do sleep 0.01; done';
    await using host = await scriptedHost({ "bandsox-image": failing("registry_unreachable"), mmdebstrap });
    const running = start({ ...host, env: { ...host.env, HOME: host.dir } });
    const pid = () => readFile(join(host.dir, "pid"), "utf8").catch(() => "");
    await expect.poll(pid, { timeout: 20_000 }).toMatch(/\d/);
    running.kill("SIGKILL");
    await running;
    const isGone = async () => !existsSync(`/proc/${(await pid()).trim()}/fd/0`);
    await expect.poll(isGone, { timeout: 5_000 }).toBe(true);
  });
});
