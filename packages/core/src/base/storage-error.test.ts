import { writeFileSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { toStorageError } from "./storage-error.ts";

async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** A database with one table, closed when disposed of. */
function openTable(path: string, options: { readOnly?: boolean } = {}) {
  const database = new DatabaseSync(path, options);
  if (!options.readOnly) database.exec("CREATE TABLE t (a)");
  return { database, [Symbol.dispose]: () => database.close() };
}

test("a full disk is named, whether a file or the database met it", async () => {
  await using directory = await temporaryDirectory();
  const write = await failureOf(async () => {
    await using full = await open("/dev/full", "w");
    await full.write("x");
  });
  expect(toStorageError(write, "/storage")).toMatchObject({
    code: "disk_full",
    details: { path: "/storage" },
    cause: write,
  });

  using table = openTable(`${directory.path}/small.db`);
  table.database.exec("PRAGMA max_page_count = 1");
  const insert = await failureOf(() => table.database.exec("INSERT INTO t VALUES (randomblob(100000))"));
  expect(toStorageError(insert, "/storage")).toMatchObject({ code: "disk_full" });
});

test("a storage whose files cannot be used is unavailable, and the file is named", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(`${directory.path}/file`, "");
  const path = `${directory.path}/file/below`;
  const failure = await failureOf(() => mkdir(path));
  expect(toStorageError(failure, directory.path)).toMatchObject({
    code: "storage_unavailable",
    details: { path },
  });
});

test("a database that cannot be opened or written is an unavailable storage", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/some.db`;
  openTable(path)[Symbol.dispose]();
  using table = openTable(path, { readOnly: true });
  const failures = [
    await failureOf(() => table.database.exec("INSERT INTO t VALUES (1)")),
    await failureOf(() => new DatabaseSync(`${directory.path}/absent/some.db`)),
  ];
  for (const failure of failures)
    expect(toStorageError(failure, "/storage")).toMatchObject({ code: "storage_unavailable" });
});

test("what is not the storage's trouble stays as it is", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(`${directory.path}/file`, "");
  const elsewhere = await failureOf(() => mkdir(`${directory.path}/file/below`));
  expect(toStorageError(elsewhere, `${directory.path}/fil`)).toBe(elsewhere);
  const mistake = new TypeError("no");
  expect(toStorageError(mistake, directory.path)).toBe(mistake);
});

test("a clean-up that fails as well does not hide what went wrong", async () => {
  const first = new Error("first");
  const both = await failureOf(async () => {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Promise.reject(new Error("clean-up")));
    stack.defer(() => Promise.reject(new Error("another clean-up")));
    throw first;
  });
  expect(toStorageError(both, "/storage")).toBe(first);
});
