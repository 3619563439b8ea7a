import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Differences } from "@bandsox/core/ports";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

const PAGE = 4096;
const SIZE = 64 * PAGE;

/** What keeping files as differences does, fake or real. */
export function differencesContract(differences: Differences): void {
  const written = async (dir: string, change: (content: Buffer) => void) => {
    const at = (name: string) => join(dir, name);
    const base = Buffer.alloc(SIZE, 7);
    const content = Buffer.from(base);
    change(content);
    await writeFile(at("base"), base);
    await writeFile(at("file"), content);
    const both = { base: at("base"), difference: at("difference") };
    await differences.write(at("file"), both, {});
    return { content, both, at };
  };

  test("a file comes back from its base and the difference, zeros where it has zeros", async () => {
    await using directory = await temporaryDirectory();
    const { content, both, at } = await written(directory.path, (bytes) => {
      bytes.fill(0, PAGE, 3 * PAGE);
      bytes.fill(9, SIZE - 5);
    });
    await differences.apply(both, at("again"), {});
    expect((await readFile(at("again"))).equals(content)).toBe(true);
  });

  test("the same content is hardly any difference", async () => {
    await using directory = await temporaryDirectory();
    const { content, both, at } = await written(directory.path, () => {});
    expect((await stat(both.difference)).size).toBeLessThan(PAGE);
    await differences.apply(both, at("again"), {});
    expect((await readFile(at("again"))).equals(content)).toBe(true);
  });

  test("what is no difference is refused", async () => {
    await using directory = await temporaryDirectory();
    const { both, at } = await written(directory.path, () => {});
    await writeFile(both.difference, "something else");
    await expect(differences.apply(both, at("again"), {})).rejects.toMatchObject({
      code: "snapshot_invalid",
    });
  });
}
