import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const LEFT_OUT =
  /\/(test|tests|idlelib|tkinter|turtledemo|lib2to3|distutils|pydoc_data|__pycache__|dist-packages)(\/|$)/;

/** Where Debian keeps what `venv` puts into an environment. */
const WHEELS = "/usr/share/python-wheels";

/** Makes a root directory with this machine's Python, with venv and pip, and a busybox. */
export function makePythonRoot(root: string): void {
  for (const dir of ["bin", "usr/bin", "etc", "tmp", "root"]) mkdirSync(join(root, dir), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n"))
    if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  const python = realpathSync("/usr/bin/python3");
  take(root, python);
  symlinkSync(basename(python), join(root, "usr/bin/python3"));
  const library = `/usr/lib/${basename(python)}`;
  cpSync(library, join(root, library), {
    recursive: true,
    filter: (path) => !LEFT_OUT.test(path.slice(library.length)),
  });
  if (existsSync(WHEELS)) cpSync(WHEELS, join(root, WHEELS), { recursive: true });
  const modules = join(library, "lib-dynload");
  const extensions = readdirSync(modules).map((file) => join(modules, file));
  for (const file of new Set([python, ...extensions].flatMap(libraries))) take(root, file);
}

/** Copies a file to the same place in a root, under the name it is asked for by. */
function take(root: string, file: string): void {
  const target = join(root, file);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
}

/** What the dynamic linker loads for a program, the linker itself among it. */
function libraries(file: string): string[] {
  const told = execFileSync("ldd", [file], { encoding: "utf8" });
  return [...told.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}
