import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { defaultBinDir, helperPaths } from "../host/paths.ts";
import { isAlive } from "../host/process-identity.ts";
import { Launcher } from "./launcher.ts";

const { supervise } = helperPaths(defaultBinDir(process.env));

/** A directory with the configuration of a supervisor whose VMM is a shell script. */
async function vmDirectory(script: string) {
  const directory = await temporaryDirectory();
  const dir = join(directory.path, "vm");
  await mkdir(dir);
  const config = join(dir, "launch.json");
  await writeFile(config, JSON.stringify({ vmId: "vm_1", argv: ["/bin/sh", "-c", script] }));
  const supervisor = async () => JSON.parse(await readFile(join(dir, "supervisor.json"), "utf8"));
  return { config, dir, supervisor, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** Launches, and collects what is said until the supervisor has ended. */
function launched(launcher: Launcher, config: string) {
  const events: unknown[] = [];
  const started = Promise.withResolvers<void>();
  const supervisor = launcher.launch(config, (event) => {
    events.push(event);
    started.resolve();
  });
  return { ...supervisor, events, started: started.promise };
}

test("several supervisors at once each tell their own events, and then their end", async () => {
  await using first = await vmDirectory("exit 3");
  await using second = await vmDirectory("exit 4");
  using launcher = new Launcher(supervise);
  const all = [first, second].map(({ config }) => launched(launcher, config));
  expect(await Promise.all(all.map(({ ended }) => ended))).toEqual(["exit status 0", "exit status 0"]);
  expect(all.map(({ events }) => events)).toMatchObject([
    [{ type: "started" }, { type: "exited", exitCode: 3 }],
    [{ type: "started" }, { type: "exited", exitCode: 4 }],
  ]);
});

test("a supervisor that is asked to end does", async () => {
  await using vm = await vmDirectory("exec sleep 60");
  using launcher = new Launcher(supervise);
  const supervisor = launched(launcher, vm.config);
  await supervisor.started;
  supervisor.signal("SIGTERM");
  await supervisor.ended;
  expect(supervisor.events).toMatchObject([{ type: "started" }, { type: "exited", requested: true }]);
});

test("supervisors outlive the launcher, whose end is told, and the next launch works", async () => {
  await using vm = await vmDirectory("exec sleep 60");
  using launcher = new Launcher(supervise);
  const supervisor = launched(launcher, vm.config);
  await supervisor.started;
  const identity = await vm.supervisor();
  const stat = await readFile(`/proc/${identity.pid}/stat`, "utf8");
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]);
  process.kill(parent, "SIGKILL");
  expect(await supervisor.ended).toBe("what starts supervisors ended with SIGKILL");
  expect(isAlive(identity)).toBe(true);
  await using other = await vmDirectory("exit 0");
  expect(await launched(launcher, other.config).ended).toBe("exit status 0");
  await end(identity);
});

/** Ends a supervisor, which has files in its VM's directory until then. */
async function end(identity: Parameters<typeof isAlive>[0]): Promise<void> {
  process.kill(identity.pid, "SIGTERM");
  await expect.poll(() => isAlive(identity), { timeout: 20_000 }).toBe(false);
}

test("one that is left goes on and is not heard any more; nor does the launcher's end end it", async () => {
  await using vm = await vmDirectory("exec sleep 60");
  using launcher = new Launcher(supervise);
  const supervisor = launched(launcher, vm.config);
  await supervisor.started;
  supervisor.leave();
  const identity = await vm.supervisor();
  launcher[Symbol.dispose]();
  await using other = await vmDirectory("exit 0");
  await launched(launcher, other.config).ended;
  expect(isAlive(identity)).toBe(true);
  await end(identity);
  expect(supervisor.events).toHaveLength(1);
});

test("a helper that cannot be run is told as that", async () => {
  using launcher = new Launcher("/nowhere/bandsox-supervise");
  const ended = launched(launcher, "/nowhere/launch.json").ended;
  expect(await ended).toBe(
    "/nowhere/bandsox-supervise cannot be run: spawn /nowhere/bandsox-supervise ENOENT",
  );
});

test("a configuration that is not there is told by its supervisor", async () => {
  using launcher = new Launcher(supervise);
  const { events, ended } = launched(launcher, "/nowhere/launch.json");
  expect(await ended).toMatch(/no such file|exit status 1/);
  expect(events.length).toBeLessThanOrEqual(1);
});

test("nothing is started by a launcher that was disposed of", async () => {
  await using vm = await vmDirectory("exec sleep 60");
  const launcher = new Launcher(supervise);
  launcher[Symbol.dispose]();
  expect(await launched(launcher, vm.config).ended).toBe("what starts supervisors has ended");
});
