import { doctor, type Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePythonRoot } from "../support/python-root.ts";
import { openWorld, type World } from "./support/world.ts";

/** Makes wheels, which are zip files, of one module each. */
const MAKE_WHEELS = `
import zipfile
for version in ("1.0", "2.0"):
    with zipfile.ZipFile(f"/wheels/greeting-{version}-py3-none-any.whl", "w") as wheel:
        info = f"greeting-{version}.dist-info"
        wheel.writestr("greeting.py", f"WORDS = 'hello from {version}'\\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: greeting\\nVersion: {version}\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\\n" for name in wheel.namelist()))
`;
/** The guest has no network: packages come from a directory of its own. */
const OFFLINE = { PIP_NO_INDEX: "1", PIP_FIND_LINKS: "/wheels" };

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  const root = `${world.dir}/root`;
  makePythonRoot(root);
  vm = await world.bandsox.createVm(`dir:${root}`, { name: "python", memMib: 512, diskSizeMib: 1024 });
});
afterAll(() => world[Symbol.asyncDispose]());

test("source runs in the guest's Python, in a directory and with variables of its own", async () => {
  expect(await vm.execPython("raise SystemExit(4)")).toBe(4);
  const source = "import os, sys; print(os.getcwd(), os.environ['MINE']); print('no', file=sys.stderr)";
  expect(await vm.execPythonCapture(source, { cwd: "/etc", env: { MINE: "yes" } })).toMatchObject({
    ...{ stdout: "/etc yes\n", stderr: "no\n", exitCode: 0, success: true },
  });
  const failed = await vm.execPythonCapture("import nothing_of_that_name");
  expect(failed).toMatchObject({ exitCode: 1, success: false });
  expect(failed.error).toContain("ModuleNotFoundError");
});

test("source that runs for too long is ended, with what it started", async () => {
  const source = "import subprocess; subprocess.run(['/bin/sleep', '1000'])";
  const ended = await vm.execPythonCapture(source, { timeoutMs: 2000 });
  expect(ended).toMatchObject({ exitCode: 137, success: false, timedOut: true });
  expect((await vm.exec("busybox ps")).stdout).not.toContain("sleep 1000");
});

/** An emulated guest takes minutes to unpack and start pip. */
const hasKvm = (await doctor()).checks.some(({ id, ok }) => id === "kvm" && ok);
const isSlow = !hasKvm && process.env.BANDSOX_TEST_SLOW !== "1";
if (isSlow)
  process.stderr.write("skipped: pip in a guest: it is emulated; BANDSOX_TEST_SLOW=1 waits for it\n");

test.skipIf(isSlow)(
  "packages are installed for one run, by venv and pip, from wherever pip is told",
  async () => {
    await vm.files.mkdir("/wheels");
    expect(await vm.execPythonCapture(MAKE_WHEELS)).toMatchObject({ stderr: "", exitCode: 0 });
    const source = "import greeting; print(greeting.WORDS)";
    const options = { env: OFFLINE, packages: ["greeting==1.0"] };
    expect(await vm.execPythonCapture(source, options)).toMatchObject({
      ...{ stdout: "hello from 1.0\n", stderr: "", exitCode: 0 },
    });
    expect((await vm.execPythonCapture(source)).error).toContain("greeting");
    expect((await vm.exec("ls /tmp")).stdout).not.toContain("venv");
  },
);

test.skipIf(isSlow)("a package there is none of is said to be so", async () => {
  const result = await vm.execPythonCapture("print('ran')", { env: OFFLINE, packages: ["no-such-package"] });
  expect(result).toMatchObject({ success: false, exitCode: 1 });
  expect(result.stdout).not.toContain("ran");
  expect(result.error).toContain("no-such-package");
});
