import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type FakeFilesHandler, filesWorld, framed } from "@bandsox/testkit";
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

/** Cuts the connection of a tree's answer, or of its request, after so many bytes, so often. */
function cutting(method: "GET" | "PUT", afterBytes: number, times: number): FakeFilesHandler {
  let cuts = 0;
  return async (request, response) => {
    if (request.method !== method || !request.url?.startsWith("/v1/tree?") || cuts >= times) return false;
    cuts++;
    if (method === "PUT") {
      const chunks = request[Symbol.asyncIterator]();
      request[Symbol.asyncIterator] = async function* () {
        for (let taken = 0; taken < afterBytes; ) {
          const { value, done } = await chunks.next();
          if (done) return undefined;
          taken += value.length;
          yield value;
        }
        request.socket.destroy();
        throw new Error("the connection broke");
      };
      return false;
    }
    const end = response.end.bind(response);
    response.end = ((body: Buffer) => {
      response.write(body.subarray(0, afterBytes), () => response.destroy());
      return response;
    }) as typeof end;
    return false;
  };
}

/** Where each request for a tree began. */
const offsets = (requests: readonly string[]) =>
  requests.flatMap((request) =>
    request.includes("/v1/tree?") ? [Number(/offset=(\d+)/.exec(request)?.[1] ?? 0)] : [],
  );

describe("a broken connection", () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251));
  const files = ["a/1", "a/2", "b/3"];
  async function plantLarge(root: string) {
    for (const file of files) {
      await mkdir(dirname(`${root}/${file}`), { recursive: true });
      await writeFile(`${root}/${file}`, content);
    }
  }
  async function expectLarge(root: string) {
    for (const file of files) expect(await readFile(`${root}/${file}`)).toEqual(content);
  }

  test.for([1, 6, 65_541, 130_000, 400_000])("after %d bytes of what comes down", async (afterBytes) => {
    await using w = await filesWorld({ intercept: cutting("GET", afterBytes, 2) });
    await plantLarge(w.root);
    const told: number[] = [];
    const onProgress = ({ bytes }: { bytes: number }) => void told.push(bytes);
    const done = await w.files.downloadTree("/", `${w.host}/d`, { onProgress });
    expect(done).toMatchObject({ bytes: 900_000, skipped: [] });
    await expectLarge(`${w.host}/d`);
    const begun = offsets(w.guest.requests);
    expect(begun).toHaveLength(3);
    if (afterBytes > 65_000) expect(new Set(begun).size).toBe(3); // what is not gone on with begins at 0 each time
    expect(begun).toEqual(begun.toSorted((a, b) => a - b));
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  test("what has changed since is as it was when it was packed", async () => {
    const cut = cutting("GET", 100_000, 1);
    await using w = await filesWorld({
      intercept: async (request, response) => {
        if (request.url?.includes("offset=")) await writeFile(`${w.root}/b/3`, "another");
        return await cut(request, response);
      },
    });
    await plantLarge(w.root);
    await w.files.downloadTree("/", `${w.host}/d`);
    await expectLarge(`${w.host}/d`);
  });

  test("whoever leaves an archive early says so", async () => {
    await using w = await filesWorld();
    await plantLarge(w.root);
    for await (const piece of w.files.archive("/")) if (piece.length > 0) break;
    await expect(w.files.downloadTree("/", `${w.host}/d`, { maxBytes: 10 })).rejects.toMatchObject({
      code: "file_too_large",
    });
    await w.files.downloadTree("/", `${w.host}/d`);
    const methods = w.guest.requests.map((request) => request.split("/v1")[0]);
    expect(methods).toEqual(["GET ", "DELETE ", "GET ", "DELETE ", "GET "]);
  });

  test.for([0, 6, 65_541, 130_000, 400_000])("after %d bytes of what goes up", async (afterBytes) => {
    await using w = await filesWorld({ intercept: cutting("PUT", afterBytes, 2) });
    await plantLarge(w.host);
    await w.files.uploadTree(w.host, "/d");
    await expectLarge(`${w.root}/d`);
    expect(offsets(w.guest.requests)).toHaveLength(3);
    if (afterBytes > 100_000) expect(offsets(w.guest.requests)[2]).toBeGreaterThan(100_000);
  });

  test("of an archive that can be read once", async () => {
    await using source = await filesWorld();
    await plantLarge(source.root);
    await using w = await filesWorld({ intercept: cutting("PUT", 200_000, 3) });
    await w.files.extract("/d", source.files.archive("/"));
    await expectLarge(`${w.root}/d`);
    expect(source.guest.requests).toHaveLength(1);
  });

  test("is the end with an agent that keeps nothing", async () => {
    const unknown: FakeFilesHandler = async (request, response) => {
      const isNew = request.url?.includes("offset=") || request.url?.startsWith("/v1/archives/");
      if (isNew) response.writeHead(400).end(JSON.stringify({ code: "bad_request", message: "what?" }));
      return isNew === true;
    };
    for (const method of ["GET", "PUT"] as const) {
      const cut = cutting(method, 100_000, 1);
      await using w = await filesWorld({
        intercept: async (request, response) =>
          (await unknown(request, response)) || (await cut(request, response)),
      });
      await plantLarge(method === "GET" ? w.root : w.host);
      const copying =
        method === "GET" ? w.files.downloadTree("/", `${w.host}/d`) : w.files.uploadTree(w.host, "/d");
      await expect(copying).rejects.toMatchObject({ code: "guest_unreachable" });
    }
  });

  test("is not what a guest has that stalls: it costs the time it is given once", async () => {
    const asked: string[] = [];
    await using w = await filesWorld({
      stallMs: 50,
      intercept: async ({ method }) => {
        asked.push(method ?? "");
        return true;
      },
    });
    await expect(w.files.downloadTree("/", `${w.host}/d`)).rejects.toMatchObject({
      code: "guest_unreachable",
    });
    expect(asked).toEqual(["GET", "DELETE"]);
  });

  test("is not waited for by a guest when the source fails, or the caller has gone", async () => {
    const stop = new AbortController();
    for (const fail of [
      () => {
        throw new Error("the source failed");
      },
      async () => {
        stop.abort();
        await new Promise(() => {});
      },
    ]) {
      await using w = await filesWorld();
      async function* failing() {
        yield content;
        await expect.poll(() => w.guest.requests.length).toBe(1);
        await fail();
      }
      await expect(w.files.extract("/d", failing(), { signal: stop.signal })).rejects.toThrow(
        /the source failed|interrupted/,
      );
      expect(w.guest.requests[1]).toMatch(/^DELETE \/v1\/archives\//);
    }
  });
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

  test("a guest that always breaks off is given up on, and leaves no part of a file", async () => {
    await using w = await filesWorld({ intercept: cutting("GET", 0, 1000) });
    await writeFile(`${w.root}/large`, Buffer.alloc(300_000));
    await expect(w.files.downloadTree("/", `${w.host}/d`)).rejects.toMatchObject({
      code: "guest_unreachable",
    });
    expect(offsets(w.guest.requests)).toHaveLength(5);
    expect(await readdir(`${w.host}/d`)).toEqual([]);
  });

  test("a tar from elsewhere is unpacked in the guest, and the guest's tar can be taken as it is", async () => {
    await using w = await filesWorld();
    await plant(w.root);
    await w.files.extract("/copy", w.files.archive("/src"));
    expect(await readdir(`${w.root}/copy`)).toEqual(["a.ts", "deep"]);
  });
});
