import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { readConsole } from "./console-log.ts";

const whole = async (path: string) => (await Array.fromAsync(readConsole(path))).join("");

async function logFile() {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/console.log`;
  return {
    ...directory,
    dir: directory.path,
    path,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

test("a log is its predecessor and itself, without what would drive a terminal", async () => {
  await using log = await logFile();
  expect(await whole(log.path)).toBe("");
  await writeFile(`${log.path}.1`, "older\r\n");
  await writeFile(log.path, "new \u001b[31m€\n");
  expect(await whole(log.path)).toBe("older\nnew  [31m€\n");
});

test("following tells what is written, across a change of files, until it is called off", async () => {
  await using log = await logFile();
  await writeFile(log.path, "one\n");
  const controller = new AbortController();
  let text = "";
  const following = (async () => {
    for await (const piece of readConsole(log.path, { follow: true, signal: controller.signal }))
      text += piece;
  })();
  await expect.poll(() => text).toBe("one\n");
  await appendFile(log.path, "two\n");
  await expect.poll(() => text).toBe("one\ntwo\n");
  await appendFile(log.path, "three\n");
  await rename(log.path, `${log.path}.1`);
  await writeFile(log.path, "four\n");
  await expect.poll(() => text).toBe("one\ntwo\nthree\nfour\n");
  controller.abort();
  await following;
});

test("following ends with the VM's directory", async () => {
  await using log = await logFile();
  await writeFile(log.path, "one\n");
  const following = Array.fromAsync(readConsole(log.path, { follow: true }));
  await rm(log.dir, { recursive: true });
  expect((await following).join("")).toMatch(/^(one\n)?$/);
});

test("following ends when nobody writes any more, with what was written last", async () => {
  await using log = await logFile();
  await writeFile(log.path, "one\n");
  let isOver = false;
  let text = "";
  const following = (async () => {
    for await (const piece of readConsole(log.path, { follow: true, isOver: async () => isOver }))
      text += piece;
  })();
  await expect.poll(() => text).toBe("one\n");
  await appendFile(log.path, "two\n");
  isOver = true;
  await following;
  expect(text).toBe("one\ntwo\n");
});
