import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { checkFirecracker } from "./doctor-firecracker.ts";

async function program(dir: string, name: string, says: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\necho "${says}"\n`);
  await chmod(path, 0o755);
  return path;
}

test("the doctor says which Firecracker there is, and how it is confined", async () => {
  await using directory = await temporaryDirectory();
  const dir = directory.path;
  expect(await checkFirecracker(dir, { binary: join(dir, "none") })).toMatchObject({ ok: false });
  const binary = await program(dir, "firecracker", "Firecracker v1.5.0");
  expect(await checkFirecracker(dir, { binary })).toMatchObject({
    found: expect.stringContaining("too old"),
  });
  await program(dir, "firecracker", "Firecracker v1.16.1");
  expect(await checkFirecracker(dir, { binary, uid: 1000 })).toMatchObject({
    ok: false,
    found: expect.stringContaining("not jailed"),
  });
  expect(await checkFirecracker(dir, { binary, uid: 0 })).toMatchObject({
    found: expect.stringContaining("without its jailer"),
  });
  await program(dir, "jailer", "Jailer v1.16.1");
  expect(await checkFirecracker(dir, { binary, uid: 0 })).toMatchObject({ ok: true, level: "advised" });
});
