import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { filesWorld } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { SENT_AHEAD_BYTES } from "./file-channel.ts";

const CONTENT = Buffer.from(Array.from({ length: 500_000 }, (_, index) => (index * 31) % 251));

/** Lets through what the guest answers, or takes, until so many bytes; then the connection is cut, so often. */
function cutting(what: "answers" | "requests", afterBytes: number, times: number) {
  let cuts = 0;
  return async (request: IncomingMessage, response: ServerResponse) => {
    if (cuts >= times || !request.url?.startsWith("/v1/file?")) return false;
    cuts++;
    if (what === "requests") {
      let taken = 0;
      request.on("data", (chunk: Buffer) => {
        taken += chunk.length;
        if (taken >= afterBytes) request.socket.destroy();
      });
      return false;
    }
    const end = response.end.bind(response);
    response.end = ((body: Buffer) => {
      if (afterBytes === 0) return response.destroy();
      response.write(body.subarray(0, afterBytes), () => response.destroy());
      return response;
    }) as typeof end;
    return false;
  };
}

describe("downloading", () => {
  test("a file arrives whole, with its permissions and its progress", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, CONTENT);
    await chmod(`${w.root}/f`, 0o4750);
    const told: { bytes: number; total?: number }[] = [];
    const onProgress = (progress: { bytes: number; total?: number }) => void told.push(progress);
    const done = await w.files.downloadFile("/f", `${w.host}/new/dir/f`, { onProgress });
    expect(done).toEqual({ bytes: CONTENT.length });
    expect(await readFile(`${w.host}/new/dir/f`)).toEqual(CONTENT);
    expect((await stat(`${w.host}/new/dir/f`)).mode & 0o7777).toBe(0o750 & ~process.umask());
    expect(told.at(-1)).toEqual({ bytes: CONTENT.length, total: CONTENT.length });
    expect(await readdir(`${w.host}/new/dir`)).toEqual(["f"]);
  });

  test.for([0, 1, 5, 65_540, 65_541, 130_000, 500_000])(
    "a connection that is cut after %d bytes of an answer is made again",
    async (afterBytes) => {
      await using w = await filesWorld({ intercept: cutting("answers", afterBytes, 3) });
      await writeFile(`${w.root}/f`, CONTENT);
      await w.files.downloadFile("/f", `${w.host}/f`, { segmentBytes: 150_000 });
      expect(await readFile(`${w.host}/f`)).toEqual(CONTENT);
    },
  );

  test("what was verified before the cut is not asked for again", async () => {
    let answers = 0;
    const cut = cutting("answers", 10, 1);
    await using w = await filesWorld({
      intercept: async (request, response) => (++answers === 3 ? cut(request, response) : false),
    });
    await writeFile(`${w.root}/f`, CONTENT);
    await w.files.downloadFile("/f", `${w.host}/f`, { segmentBytes: 200_000 });
    const offsets = w.guest.requests.map((request) => /offset=(\d+)/.exec(request)?.[1]);
    expect(offsets).toEqual(["0", "200000", "400000", "400000"]);
    expect(await readFile(`${w.host}/f`)).toEqual(CONTENT);
  });

  test("a guest that always breaks off is given up on, and nothing is left", async () => {
    await using w = await filesWorld({ intercept: cutting("answers", 70_000, 1000) });
    await writeFile(`${w.root}/f`, CONTENT);
    await writeFile(`${w.host}/f`, "old");
    await expect(w.files.downloadFile("/f", `${w.host}/f`)).rejects.toMatchObject({
      code: "guest_unreachable",
    });
    expect(w.guest.requests).toHaveLength(5);
    expect(await readdir(w.host)).toEqual(["f"]);
    expect(await readFile(`${w.host}/f`, "utf8")).toBe("old");
  });

  test("a file that changes between segments is not pieced together", async () => {
    await using w = await filesWorld({
      intercept: async (request) => {
        if (request.url?.includes("offset=200000")) await writeFile(`${w.root}/f`, "another");
        return false;
      },
    });
    await writeFile(`${w.root}/f`, CONTENT);
    const downloading = w.files.downloadFile("/f", `${w.host}/f`, { segmentBytes: 200_000 });
    await expect(downloading).rejects.toMatchObject({ code: "file_changed" });
    expect(await readdir(w.host)).toEqual([]);
  });

  test("an interruption leaves nothing", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, CONTENT);
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const downloading = w.files.downloadFile("/f", `${w.host}/f`, { onProgress, signal: controller.signal });
    await expect(downloading).rejects.toMatchObject({ code: "interrupted" });
    expect(await readdir(w.host)).toEqual([]);
  });

  test("whoever looks at any moment sees the old file or the whole new one", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, CONTENT);
    await writeFile(`${w.host}/f`, "old");
    const seen = new Set<string>();
    const onProgress = () => void seen.add(readFileSync(`${w.host}/f`, "utf8"));
    await w.files.downloadFile("/f", `${w.host}/f`, { onProgress });
    expect([...seen]).toEqual(["old"]);
    expect(await readFile(`${w.host}/f`)).toEqual(CONTENT);
  });

  test("a link on this host is followed, a directory or device is not replaced", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.root}/f`, "new");
    await mkdir(`${w.host}/real`);
    await writeFile(`${w.host}/real/f`, "old");
    await symlink("real/f", `${w.host}/link`);
    await w.files.downloadFile("/f", `${w.host}/link`);
    expect(await readFile(`${w.host}/real/f`, "utf8")).toBe("new");
    await expect(w.files.downloadFile("/f", w.host)).rejects.toMatchObject({ code: "is_directory" });
    await expect(w.files.downloadFile("/f", "/dev/null")).rejects.toMatchObject({ code: "file_exists" });
  });
});

describe("uploading", () => {
  test("a file arrives whole, with its permissions and its progress", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.host}/f`, CONTENT, { mode: 0o711 });
    const told: { bytes: number }[] = [];
    const onProgress = (progress: { bytes: number }) => void told.push(progress);
    const entry = await w.files.uploadFile(`${w.host}/f`, "/to/f", { onProgress });
    expect(entry).toMatchObject({ size: CONTENT.length, mode: 0o711 & ~process.umask() });
    expect(await readFile(`${w.root}/to/f`)).toEqual(CONTENT);
    expect(told.at(-1)).toEqual({ bytes: CONTENT.length, total: CONTENT.length });
  });

  test("what is sent ahead of a guest that does not take it yet arrives as it was", async () => {
    const content = randomBytes(20_000_001);
    const ahead = Promise.withResolvers<void>();
    const intercept = () => ahead.promise.then(() => false);
    await using w = await filesWorld({ intercept });
    await writeFile(`${w.host}/f`, content);
    const onProgress = ({ bytes }: { bytes: number }) => {
      if (bytes >= SENT_AHEAD_BYTES) ahead.resolve();
    };
    await w.files.uploadFile(`${w.host}/f`, "/f", { onProgress });
    expect((await readFile(`${w.root}/f`)).equals(content)).toBe(true);
    expect(w.guest.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(1);
  });

  test.for([1, 65_541, 200_000, 500_000])(
    "a connection that is cut after %d bytes goes on where the guest is",
    async (afterBytes) => {
      await using w = await filesWorld({ intercept: cutting("requests", afterBytes, 2) });
      await writeFile(`${w.host}/f`, CONTENT);
      await w.files.uploadFile(`${w.host}/f`, "/f");
      expect(await readFile(`${w.root}/f`)).toEqual(CONTENT);
      expect(await readdir(w.root)).toEqual(["f"]);
      const asked = w.guest.requests.filter((request) => request.startsWith("GET /v1/upload"));
      expect(asked.length).toBeGreaterThan(0);
    },
  );

  test("an answer that is lost after all bytes were taken costs a repetition only", async () => {
    await using w = await filesWorld({ intercept: cutting("answers", 0, 1) });
    await writeFile(`${w.host}/f`, CONTENT);
    await w.files.uploadFile(`${w.host}/f`, "/f");
    expect(await readFile(`${w.root}/f`)).toEqual(CONTENT);
  });

  test("a refusal in the middle is told as what it is, at once", async () => {
    await using w = await filesWorld({
      intercept: async (_request, response) => {
        response.writeHead(507).end('{"code":"no_space","message":"ENOSPC"}');
        return true;
      },
    });
    await writeFile(`${w.host}/f`, Buffer.alloc(8_000_000));
    await expect(w.files.uploadFile(`${w.host}/f`, "/f")).rejects.toMatchObject({ code: "guest_disk_full" });
  });

  test.for([
    ["what is not there", "none", "file_not_found"],
    ["a directory", ".", "is_directory"],
  ])("%s is refused before anything is asked", async ([, name, code]) => {
    await using w = await filesWorld();
    await expect(w.files.uploadFile(`${w.host}/${name}`, "/f")).rejects.toMatchObject({ code });
    expect(w.guest.requests).toEqual([]);
  });

  test("a file that holds less than it says is told at once as ours", async () => {
    await using w = await filesWorld();
    await expect(w.files.uploadFile("/sys/devices/system/cpu/online", "/f")).rejects.toMatchObject({
      code: "file_changed",
    });
    expect(w.guest.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(1);
  });

  test("a file that shrinks while it is sent does not arrive", async () => {
    await using w = await filesWorld();
    await writeFile(`${w.host}/f`, Buffer.alloc(3_000_000));
    const onProgress = () => writeFileSync(`${w.host}/f`, "");
    await expect(w.files.uploadFile(`${w.host}/f`, "/f", { onProgress })).rejects.toMatchObject({
      code: "file_changed",
      details: { path: `${w.host}/f` },
    });
    expect(await readdir(w.root)).not.toContain("f");
  });
});

describe("writing a stream", () => {
  async function* pieces() {
    for (let at = 0; at < CONTENT.length; at += 70_000) yield CONTENT.subarray(at, at + 70_000);
  }

  test.for([0, 5, 65_541, 300_000])(
    "a connection that is cut after %d bytes of a request is made again",
    async (afterBytes) => {
      await using w = await filesWorld({ intercept: cutting("requests", afterBytes, 3) });
      await w.files.write("/f", pieces());
      expect(await readFile(`${w.root}/f`)).toEqual(CONTENT);
      expect(w.guest.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(4);
      expect(await readdir(w.root)).toEqual(["f"]);
    },
  );

  test("a source that fails leaves the file as it was, and nothing else", async () => {
    await using w = await filesWorld();
    await w.files.write("/f", "old");
    async function* failing() {
      yield CONTENT;
      await expect.poll(() => readdir(w.root)).toHaveLength(2);
      throw new Error("the source failed");
    }
    await expect(w.files.write("/f", failing())).rejects.toThrow("the source failed");
    expect(await readFile(`${w.root}/f`, "utf8")).toBe("old");
    expect(await readdir(w.root)).toEqual(["f"]);
  });

  test("a guest that stalls costs the time it is given once, not once for each question", async () => {
    const asked: string[] = [];
    await using w = await filesWorld({
      stallMs: 300,
      intercept: async ({ method }) => {
        asked.push(method ?? "");
        return true;
      },
    });
    await expect(w.files.write("/f", pieces())).rejects.toMatchObject({ code: "guest_unreachable" });
    expect(asked).toEqual(["PUT", "DELETE"]);
  });

  test("what is appended is not sent again: a part may have been added", async () => {
    await using w = await filesWorld({ intercept: cutting("requests", 65_541, 1) });
    await expect(w.files.append("/f", pieces())).rejects.toMatchObject({ code: "guest_unreachable" });
    expect(w.guest.requests).toHaveLength(1);
  });
});
