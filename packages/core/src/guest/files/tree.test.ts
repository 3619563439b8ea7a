import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { filesWorld, framed } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { pathsBelow } from "./pack-tree.ts";

async function plant(root: string) {
  await mkdir(`${root}/src/deep`, { recursive: true });
  await mkdir(`${root}/node_modules/x`, { recursive: true });
  await mkdir(`${root}/empty`);
  await writeFile(`${root}/src/a.ts`, "a");
  await writeFile(`${root}/src/deep/b.ts`, "b".repeat(200_000));
  await writeFile(`${root}/src/deep/c.log`, "c");
  await writeFile(`${root}/node_modules/x/y`, "y");
  await symlink("src/a.ts", `${root}/link`);
}

test("a tree goes up and comes back as it was", async () => {
  await using w = await filesWorld();
  await plant(w.host);
  const told: number[] = [];
  await w.files.uploadTree(w.host, "/in/guest", { onProgress: ({ bytes }) => void told.push(bytes) });
  expect(await readFile(`${w.root}/in/guest/src/deep/b.ts`, "utf8")).toBe("b".repeat(200_000));
  expect(await readlink(`${w.root}/in/guest/link`)).toBe("src/a.ts");
  expect(told.at(-1)).toBeGreaterThan(200_000);
  const back = await w.files.downloadTree("/in/guest", `${w.host}-back`);
  expect(back).toMatchObject({ bytes: 200_003, skipped: [] });
  const list = async (root: string) => (await readdir(root, { recursive: true })).sort();
  expect(await list(`${w.host}-back`)).toEqual(await list(w.host));
});

test("globs choose what goes up, with the directories that lead there and no others", async () => {
  await using w = await filesWorld();
  await plant(w.host);
  const paths = (filter: object) => Array.fromAsync(pathsBelow(w.host, filter));
  expect(await paths({ include: ["*.ts"] })).toEqual(["src", "src/a.ts", "src/deep", "src/deep/b.ts"]);
  expect(await paths({ include: ["src/deep"], exclude: ["*.log"] })).toEqual([
    "src",
    "src/deep",
    "src/deep/b.ts",
  ]);
  expect(await paths({ exclude: ["node_modules", "src/**"] })).toEqual(["empty", "link"]);
  expect(await paths({ include: ["nothing"] })).toEqual([]);
});

test("globs for what comes down are the guest's to apply", async () => {
  await using w = await filesWorld();
  await plant(w.root);
  await w.files.downloadTree("/", `${w.host}/d`, { exclude: ["node_modules", "*.log"] });
  expect(w.guest.requests).toEqual(["GET /v1/tree?path=%2F&exclude=node_modules&exclude=*.log"]);
  expect((await readdir(`${w.host}/d`)).sort()).toEqual(["empty", "link", "src"]);
});

describe("failures", () => {
  test("a file in place of a directory is refused before anything is asked", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.host}/f`, "");
    await expect(w.files.uploadTree(`${w.host}/f`, "/x")).rejects.toMatchObject({ code: "not_directory" });
    await expect(w.files.uploadTree(`${w.host}/none`, "/x")).rejects.toMatchObject({
      code: "file_not_found",
    });
    expect(w.guest.requests).toEqual([]);
  });

  test("an archive that is none is called that", async () => {
    await using w = await filesWorld({
      intercept: async (_request, response) => {
        response.writeHead(200).end(await framed(Buffer.from("no archive ".repeat(100))));
        return true;
      },
    });
    await expect(w.files.downloadTree("/", `${w.host}/d`)).rejects.toMatchObject({
      code: "archive_invalid",
      details: { path: "/" },
    });
  });

  test("an archive that breaks off is the guest's end, and leaves no part of a file", async () => {
    await using w = await filesWorld({
      intercept: async (request, response) => {
        const end = response.end.bind(response);
        response.end = ((body: Buffer) => {
          response.write(body.subarray(0, 100_000), () => response.destroy());
          return response;
        }) as typeof end;
        return request.method === "never";
      },
    });
    await writeFile(`${w.root}/large`, Buffer.alloc(300_000));
    await expect(w.files.downloadTree("/", `${w.host}/d`)).rejects.toMatchObject({
      code: "guest_unreachable",
    });
    expect(await readdir(`${w.host}/d`)).toEqual([]);
  });

  test("a tar from elsewhere is unpacked in the guest, and the guest's tar can be taken as it is", async () => {
    await using w = await filesWorld();
    await plant(w.root);
    await w.files.extract("/copy", w.files.archive("/src"));
    expect(await readdir(`${w.root}/copy`)).toEqual(["a.ts", "deep"]);
  });
});
