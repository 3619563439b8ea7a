import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Links within it are the generator's, which numbers some headings in its own way */
const GENERATED = "docs/api/library.md";

/** The places in a page a link can lead to: headings as GitHub names them, and what is marked by hand. */
function anchors(page: string): Set<string> {
  const prose = page.replaceAll(/^```[\s\S]*?^```/gm, "");
  const found = new Set([...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id));
  const counts = new Map<string, number>();
  for (const [, heading = ""] of prose.matchAll(/^#+ (.*)$/gm)) {
    const name = anchorOf(heading);
    const before = counts.get(name) ?? 0;
    counts.set(name, before + 1);
    found.add(before === 0 ? name : `${name}-${before}`);
  }
  return found;
}

function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

test("every link of the documentation leads somewhere", () => {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const broken: string[] = [];
  for (const path of listed
    .trim()
    .split("\n")
    .filter((file) => existsSync(join(ROOT, file)))) {
    const page = readFileSync(join(ROOT, path), "utf8").replaceAll(/^```[\s\S]*?^```/gm, "");
    for (const [, link = ""] of page.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? join(ROOT, path) : join(ROOT, dirname(path), file);
      if (path === GENERATED && file === "") continue;
      if (!existsSync(target)) broken.push(`${path}: ${link}`);
      else if (anchor && !anchors(readFileSync(target, "utf8")).has(anchor)) broken.push(`${path}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});
