import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { checkCni } from "./doctor-cni.ts";

test("no CNI network is no failure; one without its plugins is", async () => {
  await using dir = await temporaryDirectory();
  const [confDir, bin] = [join(dir.path, "net.d"), join(dir.path, "bin")];
  const check = () => checkCni({ confDir, binDirs: [bin] });
  expect(check()).toMatchObject({ ok: true, found: `no networks in ${confDir}, no plugins` });
  await mkdir(confDir);
  await writeFile(join(confDir, "1-lab.conf"), JSON.stringify({ name: "lab", type: "bridge" }));
  expect(check()).toMatchObject({ ok: false, found: expect.stringContaining("missing are bridge") });
  await mkdir(bin);
  for (const name of ["bridge", "host-local", "loopback", "portmap"])
    await writeFile(join(bin, name), "", { mode: 0o755 });
  expect(check()).toMatchObject({ ok: true, found: `networks lab in ${confDir}, plugins in ${bin}` });
  await writeFile(join(confDir, "2.conflist"), "{");
  expect(check()).toMatchObject({ ok: false, found: expect.stringContaining("2.conflist cannot be read") });
});
