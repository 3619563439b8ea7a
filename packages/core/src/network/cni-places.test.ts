import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { cniPlaces, requireCniNetwork } from "./cni-places.ts";

test("plugins are looked for where the user says, then where they are installed", () => {
  expect(cniPlaces({}, "/s/cni/bin")).toEqual({
    confDir: "/etc/cni/net.d",
    binDirs: ["/s/cni/bin", "/opt/cni/bin", "/usr/lib/cni"],
  });
  const given = cniPlaces({ cniConfDir: "/c", cniBinDir: "/a:/opt/cni/bin" }, "/s/cni/bin");
  expect(given).toEqual({ confDir: "/c", binDirs: ["/a", "/opt/cni/bin", "/s/cni/bin", "/usr/lib/cni"] });
});

test("a network is there with all its plugins, or it is said what is missing", async () => {
  await using dir = await temporaryDirectory();
  const places = { confDir: join(dir.path, "net.d"), binDirs: [join(dir.path, "bin")] };
  await mkdir(places.confDir);
  await mkdir(join(dir.path, "bin"));
  const expectRefused = (code: string, words: string) =>
    expect(() => requireCniNetwork("lab", places)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  expectRefused("network_not_found", "no network is configured there");
  const other = JSON.stringify({ name: "other", type: "ptp" });
  await writeFile(join(places.confDir, "1.conf"), other);
  await writeFile(join(places.confDir, "2.conf"), "");
  expectRefused("network_not_found", "there are other; ");
  const plugins = [{ type: "bridge", ipam: { type: "host-local" } }];
  await writeFile(join(places.confDir, "3.conflist"), JSON.stringify({ name: "lab", plugins }));
  await writeFile(join(dir.path, "bin/bridge"), "", { mode: 0o755 });
  expectRefused("networking_unavailable", `${dir.path}/bin: host-local; \`bandsox init\``);
  await writeFile(join(dir.path, "bin/host-local"), "", { mode: 0o755 });
  expect(requireCniNetwork("lab", places)).toMatchObject({ name: "lab" });
});
