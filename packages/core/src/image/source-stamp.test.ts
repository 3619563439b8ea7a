import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { parseImageSource } from "./image-source.ts";
import { stampOf } from "./source-stamp.ts";

const LATER_MS = 60_000;

/** The stamp as it is once the file's times can be trusted. */
const stamp = (image: string) => stampOf(parseImageSource(image), Date.now() + LATER_MS);

test("a file that did not change looks the same, and one that was replaced by another of its size does not", async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/root.tar`;
  await writeFile(file, "one");
  const first = await stamp(`tar:${file}`);
  expect(first).toBeDefined();
  expect(await stamp(`tar:${file}`)).toBe(first);
  expect(await stamp(`ext4:${file}`)).toBe(first);
  await writeFile(`${file}.new`, "two");
  await rename(`${file}.new`, file);
  expect(await stamp(`tar:${file}`)).not.toBe(first);
});

test("a file that changed just now is not trusted", async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/root.tar`;
  await writeFile(file, "one");
  const { ctimeMs } = await stat(file);
  expect(await stampOf(parseImageSource(`tar:${file}`), ctimeMs + 1)).toBeUndefined();
});

test("of a layout the index tells, with and without a name", async () => {
  await using directory = await temporaryDirectory();
  const layout = `${directory.path}/with:colon`;
  await mkdir(layout);
  await writeFile(`${layout}/index.json`, "{}");
  const first = await stamp(`oci:${layout}`);
  expect(first).toBeDefined();
  expect(await stamp(`oci:${layout}:v1`)).toBe(first);
});

test("nothing tells what is behind a directory, a daemon, or a name that leads nowhere", async () => {
  await using directory = await temporaryDirectory();
  for (const image of [`dir:${directory.path}`, "docker-daemon:alpine", `tar:${directory.path}/absent`])
    expect(await stamp(image)).toBeUndefined();
});
