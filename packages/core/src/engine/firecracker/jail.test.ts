import { VmId } from "@bandsox/contract";
import { expect, test } from "vitest";
import { storagePaths, vmPaths } from "../../host/paths.ts";
import { jailerCommandLine, planJail } from "./jail.ts";
import { inOwnNamespaces } from "./own-namespaces.ts";

const paths = (id: string) => vmPaths(storagePaths("/srv/bandsox"), VmId.parse(id));
const plan = (id: string) => planJail(paths(id), "firecracker");

test("each VM has a jail, a user and a control group of its own, found again from its directory", () => {
  const [one, other] = [plan("vm_000000000001"), plan("vm_000000000002")];
  expect(plan("vm_000000000001")).toEqual(one);
  for (const trait of ["id", "uid", "root", "cgroup"] as const) expect(one[trait]).not.toBe(other[trait]);
  expect(one.id).toMatch(/^[A-Za-z0-9-]{1,64}$/); // what the jailer takes
  expect(one.uid).toBeGreaterThanOrEqual(0x7000_0000);
  expect(one.uid).toBeLessThan(2 ** 31);
  expect(one.root).toBe(`/srv/bandsox/vms/vm_000000000001/${one.relativeRoot}`);
});

test("two goldens that are taken at once have other jails, though they bear one name", () => {
  const at = (dir: string) => planJail({ dir, jail: `${dir}/jail` }, "firecracker");
  expect(at("/s/staging/a/vmm").id).not.toBe(at("/s/staging/b/vmm").id);
});

test("the jailer is told this", async () => {
  const argv = jailerCommandLine({
    ...{ jailer: "/opt/jailer", binary: "/opt/firecracker", jail: plan("vm_000000000001") },
    ...{ machine: { vcpu: 2, memMib: 512 }, cgroups: true, args: ["--api-sock", "api.sock"] },
  });
  await expect(`${argv.join("\n")}\n`).toMatchFileSnapshot("golden/jailer.txt");
});

test("where control groups cannot be used the jailer hears nothing of them", () => {
  const argv = jailerCommandLine({
    ...{ jailer: "/opt/jailer", binary: "/opt/firecracker", jail: plan("vm_000000000001") },
    ...{ machine: { vcpu: 1, memMib: 128 }, cgroups: false, args: [] },
  });
  expect(argv.join(" ")).not.toContain("cgroup");
});

test("a program that needs no namespace of its own gets none", () => {
  const argv = ["firecracker", "--id", "a b"];
  expect(inOwnNamespaces({ unshare: "/usr/bin/unshare", argv, binds: [], tied: false })).toEqual(argv);
});
