import { writeFileSync } from "node:fs";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { openDatabase, transaction } from "./database.ts";

test("a storage written by a newer version is refused, and left as it is", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/bandsox.db`;
  const database = openDatabase(path);
  database.exec("PRAGMA user_version = 999");
  database.close();
  expect(() => openDatabase(path)).toThrowError(expect.objectContaining({ code: "storage_too_new" }));
});

test("a storage that cannot be written names its path", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(`${directory.path}/file`, "");
  const path = `${directory.path}/file/bandsox.db`;
  expect(() => openDatabase(path)).toThrowError(
    expect.objectContaining({ code: "storage_unavailable", details: { path } }),
  );
});

test("a transaction that fails stores nothing", async () => {
  await using directory = await temporaryDirectory();
  const database = openDatabase(`${directory.path}/bandsox.db`);
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
