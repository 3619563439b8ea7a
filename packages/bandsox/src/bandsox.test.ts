import { existsSync, rmSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { BandSox } from "./bandsox.ts";

test("a storage that could not be opened can be, once what hindered it is gone", async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/file`;
  writeFileSync(file, "");
  await using bandsox = new BandSox({ storageDir: `${file}/storage` });
  await expect(bandsox.listVms()).rejects.toMatchObject({ code: "storage_unavailable" });
  rmSync(file);
  expect(await bandsox.listVms()).toEqual([]);
});

test("a closed BandSox takes no more work and opens nothing anew", async () => {
  await using directory = await temporaryDirectory();
  const bandsox = new BandSox({ storageDir: directory.path });
  const listing = bandsox.listVms();
  await bandsox[Symbol.asyncDispose]();
  await listing.catch(() => {}); // it may have been interrupted
  await expect(bandsox.listVms()).rejects.toMatchObject({ code: "storage_closed" });

  const unused = new BandSox({ storageDir: `${directory.path}/unused` });
  await unused[Symbol.asyncDispose]();
  await expect(unused.listVms()).rejects.toMatchObject({ code: "storage_closed" });
  expect(existsSync(`${directory.path}/unused`)).toBe(false);
});
