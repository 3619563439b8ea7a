import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { openDatabase, transaction } from "./database.ts";

const PROCESSES = 6;
const FRESH_STORAGES = 8;

test("several processes open one fresh storage at the same time", async () => {
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const openers = Array.from({ length: PROCESSES }, () => stack.use(startOpener()));
  for (const { open } of openers)
    expect(await open(`${directory.path}/own-${randomUUID()}/bandsox.db`)).toBe("ok");
  for (let fresh = 0; fresh < FRESH_STORAGES; fresh++) {
    const path = `${directory.path}/${fresh}/bandsox.db`;
    const answers = await Promise.all(openers.map(({ open }) => open(path)));
    expect(answers).toEqual(openers.map(() => "ok"));
  }
}, 60_000);

test("a fresh storage that another process is just setting up is waited for", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/bandsox.db`;
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const opening = openDatabase(path);
  other.exec("ROLLBACK");
  other.close();
  (await opening).close();
});

/** A process that opens the database each line of its input names, and says `ok` or why not. */
function startOpener() {
  const program = `
    import { createInterface } from "node:readline";
    import { openDatabase } from ${JSON.stringify(import.meta.resolve("./database.ts"))};
    for await (const path of createInterface({ input: process.stdin }))
      await openDatabase(path).then((database) => database.close() ?? "ok", String).then(console.log);
  `;
  const args = ["--conditions=bandsox-source", "--input-type=module", "--eval", program];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, "exit");
  return {
    open: async (path: string) => {
      child.stdin.write(`${path}\n`);
      return (await answers.next()).value;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** What this process holds open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // the directory's own
    }
  });
}

test("a storage written by a newer version is refused, and left as it is", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/bandsox.db`;
  const database = await openDatabase(path);
  database.exec("PRAGMA user_version = 999");
  database.close();
  await expect(openDatabase(path)).rejects.toMatchObject({ code: "storage_too_new" });
  expect(openFiles()).not.toContain(path);
});

test("the database, and what is beside it, is its owner's alone", async () => {
  await using directory = await temporaryDirectory();
  const database = await openDatabase(`${directory.path}/bandsox.db`);
  for (const name of readdirSync(directory.path))
    expect(statSync(`${directory.path}/${name}`).mode & 0o077, name).toBe(0);
  database.close();
});

test("a storage that cannot be written names its path", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(`${directory.path}/file`, "");
  const path = `${directory.path}/file/bandsox.db`;
  await expect(openDatabase(path)).rejects.toMatchObject({ code: "storage_unavailable", details: { path } });
});

test("a transaction that fails stores nothing", async () => {
  await using directory = await temporaryDirectory();
  const database = await openDatabase(`${directory.path}/bandsox.db`);
  const insert = () => database.exec("INSERT INTO resources (owner, kind, locator) VALUES ('a', 'b', 'c')");
  const failing = () =>
    transaction(database, () => {
      insert();
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  expect(database.prepare("SELECT count(*) AS n FROM resources").get()?.n).toBe(0);
  database.close();
});
