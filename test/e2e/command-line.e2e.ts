import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { JSON_ERROR, OUTPUTS } from "@bandsox/cli/outputs";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DashboardServer, openServer } from "./support/dashboard.ts";
import { buildOciLayout } from "./support/oci-layout.ts";
import { startRegistry } from "./support/registry.ts";
import { Told } from "./support/told.ts";
import { busyboxRoot, finish, openWorld, type World } from "./support/world.ts";

const BANDSOX = resolve(import.meta.dirname, "../../bandsox");
const IMAGE = "box:1";
const SMALL = ["--mem", "128", "--disk-size", "256"];
/** What other suites run as processes (`vm reclaim` that of Firecracker, the only one that can); but `vm network`, which needs a namespace, and which none does. */
const ELSEWHERE = ["terminal", "image build", "vm network", "vm reclaim", "verify"];

let world: World;
let told: Told;

beforeAll(async () => {
  world = await openWorld();
  told = new Told(world);
  const root = await busyboxRoot(world.dir);
  const imported = await world.cli("image", "import", "-q", `dir:${root}`, IMAGE);
  expect(imported).toMatchObject({ code: 0, stderr: "" });
  const spec = { name: "box", memMib: 128, diskSizeMib: 256, env: { MINE: "yes" } };
  await world.bandsox.createVm(IMAGE, spec);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Starts `./bandsox` with something to read. */
function reading(stdin: string, ...args: string[]) {
  const env = { ...process.env, BANDSOX_STORAGE: world.storage, NO_COLOR: "1" };
  const child = spawn(BANDSOX, args, { env });
  child.stdin.end(stdin);
  return child;
}

test("commands about this machine print the JSON that is documented", async () => {
  await told.whole("version");
  await told.whole("completion", "bash");
  await told.whole("doctor");
  await told.whole("init", "--skip-kernel", "--skip-firecracker");
  await told.whole("cleanup", "--dry-run");
});

test("the figures of a benchmark are as documented", async () => {
  const { figures } = await told.whole<{ figures: { id: string }[] }>("bench", "B09", "--quick", "--quiet");
  expect(figures.map(({ id }) => id)).toContain("B09");
});

test("commands on a VM print the JSON that is documented", async () => {
  expect(await told.whole("vm info", "box")).toMatchObject({ name: "box", state: "running" });
  const echo = await told.whole("exec", "box", "sh", "-c", "echo $MINE");
  expect(echo).toMatchObject({ stdout: "yes\n", exitCode: 0 });
  const file = join(world.dir, "file");
  await writeFile(file, "content");
  await told.whole("cp", file, "box:/file");
  expect(await told.whole("ls", "box:/")).toContainEqual(expect.objectContaining({ path: "/file" }));
  expect(await told.whole("cat", "box:/file")).toMatchObject([{ content: "content" }]);
  await told.whole("vm list");
  await told.whole("stats", "box");
  await told.whole("top");
  await told.whole("vm metadata", "box", "--update", '{"a":1}');
  await told.whole("vm limits", "box", "--idle-timeout", "1h");
  await told.whole("why", "box");
  await told.whole("vm why", "box");
  await told.first("events", ["--follow"]);
  const box = await world.bandsox.getVm("box");
  await told.first("logs", ["--follow", "box"], async () => {
    await box.exec("echo on the console > /dev/console");
  });
  await told.first("stats --watch", ["box"]);
  await told.first("port-forward", ["box", "80"]);
  await told.first("watch", ["box:/tmp"], async (isOver) => {
    while (!isOver()) await box.exec("echo x >> /tmp/new");
  });
});

/** An output by what it says: JSON by its value, a failure by its code; the same moment is another age later. */
function comparable<T extends { stdout: string; stderr: string; code?: number | null | undefined }>(
  [name = "", ...rest]: readonly string[],
  result: T,
): unknown {
  const { stdout } = result;
  if (!rest.includes("--json"))
    return { ...result, stdout: stdout.replace(/\b\d+ (s|min|h)$/gm, "some time") };
  if (result.code !== 0) return { ...result, stderr: JSON_ERROR.parse(JSON.parse(result.stderr)).error.code };
  const values = OUTPUTS[name]?.isLines ? stdout.split("\n") : [stdout];
  return { ...result, stdout: values.filter(Boolean).map((text) => JSON.parse(text)) };
}

test("a server's VMs are seen and used as those of this machine are", async () => {
  await using server: DashboardServer = await openServer(world);
  const { key } = JSON.parse(
    (await world.cli("auth", "create-key", "--json", "--scope", "admin", "cli")).stdout,
  );
  const env = { ...process.env, BANDSOX_API_KEY: key, NO_COLOR: "1" };
  const there = async (args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await execa(BANDSOX, ["--url", server.url, ...args], {
      ...{ env, reject: false, stdin: "ignore", stripFinalNewline: false },
    });
    return { code: exitCode, stdout, stderr };
  };
  const lines = [
    ["vm", "list"],
    ["vm", "list", "--json"],
    ["vm", "list", "-q"],
    ["vm", "info", "box"],
    ["vm", "info", "--json", "box"],
    ["vm", "metadata", "box"],
    ["exec", "box", "sh", "-c", "echo out; echo err >&2; exit 5"],
    ["exec", "nobody", "true"],
    ["exec", "--json", "box", "/no/such"],
    ["cat", "box:/file"],
    ["cat", "--json", "box:/none"],
    ["ls", "box:/bin"],
    ["ls", "--json", "box:/etc"],
    ["logs", "box"],
    ["why", "box"],
    ["snapshot", "list"],
    ["snapshot", "info", "nothing"],
    ["image", "list", "-q"],
    ["events", "--json"],
    ["vm", "rename", "--json", "box", "not a name"],
  ];
  await world.cli("vm", "limits", "box", "--no-idle-timeout"); // how idle it is changes from one look to the next
  for (const args of lines) {
    const { signal: _, ...here } = await world.cli(...args);
    expect(comparable(args, await there(args)), args.join(" ")).toEqual(comparable(args, here));
  }
});

test("commands that make and change VMs print the JSON that is documented", async () => {
  const made = await told.whole("create", ...SMALL, "--name", "second", IMAGE);
  expect(await told.whole("run", ...SMALL, IMAGE, "hostname")).toMatchObject({ exitCode: 0 });
  await told.whole("vm pause", "second");
  await told.whole("vm resume", "second");
  const forks = await told.whole<{ id: string }[]>("vm fork", "second");
  await told.whole("vm rename", made.id, "renamed");
  await told.whole("vm stop", "renamed");
  await told.whole("vm grow", "renamed", "300m");
  await told.whole("vm start", "renamed");
  await told.whole("vm restart", "renamed");
  const all = ["renamed", ...forks.map(({ id }) => id)];
  expect(await told.whole("vm delete", ...all)).toHaveLength(2);
});

test("commands on snapshots and pools print the JSON that is documented", async () => {
  await using registry = await startRegistry(world.dir);
  const plain = ["--plain-http", registry.host];
  const saved = await told.whole("vm save", "box", "saved");
  await told.whole("snapshot create", "box", "again");
  await told.whole("snapshot rename", "again", "renamed");
  await told.whole("snapshot list");
  await told.whole("snapshot info", saved.id);
  await told.whole("snapshot restore", "saved", "--name", "restored");
  await told.whole("snapshot rollback", "box", "saved");
  await told.whole("vm delete", "restored");
  const file = join(world.dir, "saved.bandsox");
  await told.whole("snapshot export", "saved", file);
  await told.whole("snapshot import", file, "--name", "imported");
  const reference = `${registry.host}/team/saved:1`;
  await told.whole("snapshot push", "saved", reference, ...plain);
  await told.whole("snapshot pull", reference, "--name", "pulled", ...plain);
  await told.whole("snapshot delete", "--force", "renamed", "imported", "pulled", "saved");
  const pool = await told.whole("pool set", "--shape", `${IMAGE},mem=128,disk=256`, "--size", "1");
  await told.whole("pool list");
  await told.whole("pool fill");
  await told.whole("pool remove", pool.id);
});

test("commands on images and keys print the JSON that is documented", async () => {
  await using registry = await startRegistry(world.dir);
  const other = join(world.dir, "other");
  await mkdir(other);
  await writeFile(join(other, "file"), "");
  const layout = `oci:${await buildOciLayout(world.dir, other, {})}:latest`;
  const pulled = `${registry.host}/other:1`;
  await execa("skopeo", ["copy", "--quiet", "--dest-tls-verify=false", layout, `docker://${pulled}`]);
  await told.whole("image pull", pulled);
  await told.whole("image import", `dir:${other}`, "other:1");
  await told.whole("image list");
  await told.whole("image inspect", "other:1");
  await told.whole("image history", "other:1");
  await told.whole("image remove", "other:1");
  await told.whole("image prune");
  const key = await told.whole<{ keyId: string }>("auth create-key", "ci");
  await told.whole("auth list-keys");
  await told.whole("auth revoke-key", key.keyId);
  await told.first("serve", ["--port", "0"]);
  await told.whole("auth init");
  const password = reading("another password\n", "auth", "set-password", "--json");
  await told.ending("auth set-password", password);
});

test("every command has been run", () => {
  const names = Object.keys(OUTPUTS).filter((name) => !ELSEWHERE.includes(name));
  expect([...told.names].sort()).toEqual(names.sort());
});

test("the exit code says whose failure it was", async () => {
  const codes = [
    [["exec", "box", "sh", "-c", "exit 7"], 7],
    [["exec", "box", "sh", "-c", "kill -9 $$"], 137],
    [["run", ...SMALL, IMAGE, "sh", "-c", "exit 3"], 3],
    [["vm", "stpo", "box"], 2],
    [["exec", "--timeout", "soon", "box", "true"], 2],
    [["exec", "nobody", "true"], 125],
    [["exec", "box", "/no/such"], 125],
    [["image", "prune", "--all"], 2],
    [["vm", "reclaim", "box", "16m"], 2],
  ] as const;
  for (const [args, code] of codes) {
    const result = await world.cli(...args);
    expect(result, args.join(" ")).toMatchObject({ code, signal: null, stdout: "" });
    if (code === 2 || code === 125) expect(result.stderr).toMatch(/^bandsox: ./);
    else expect(result.stderr).toBe("");
  }
  const failed = await world.cli("exec", "--json", "nobody", "true");
  expect(failed).toMatchObject({ code: 125, stdout: "" });
  expect(JSON_ERROR.parse(JSON.parse(failed.stderr)).error.code).toBe("vm_not_found");
});

test("an interrupted command ends with 130, and what it ran ends, too", async () => {
  const child = world.start("exec", "box", "sh", "-c", "echo begun; exec sleep 1000");
  child.stdout!.once("data", () => child.kill("SIGINT"));
  expect(await finish(child)).toMatchObject({ code: 130, stdout: "begun\n" });
  const box = await world.bandsox.getVm("box");
  await expect.poll(async () => (await box.exec("busybox ps")).stdout).not.toContain("sleep 1000");
});

test("a reader that has read enough ends a command quietly", async () => {
  const line = `'${BANDSOX}' exec box yes | head -n 1; echo "code \${PIPESTATUS[0]}"`;
  const env = { ...process.env, BANDSOX_STORAGE: world.storage };
  const { stdout, stderr } = await execa("bash", ["-c", line], { env });
  expect({ stdout, stderr }).toEqual({ stdout: "y\ncode 130", stderr: "" });
});
