import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { filesWorld, frame, framed } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";

const HEAD = { "x-file-size": 10, "x-file-etag": "e", "x-file-mode": 0o644 };

/** A guest that answers everything the same way. */
const lying = (answer: (response: ServerResponse) => unknown, stallMs?: number) =>
  filesWorld({
    ...(stallMs === undefined ? {} : { stallMs }),
    intercept: async (_request, response) => {
      await answer(response);
      return true;
    },
  });
const json = (body: string) => (response: ServerResponse) => response.writeHead(200).end(body);

describe("a file that is not what the guest says", () => {
  const bytes = Buffer.alloc(10, 1);
  const lies: [string, (response: ServerResponse) => unknown, string][] = [
    ["longer", async (r) => r.writeHead(200, HEAD).end(await framed(Buffer.alloc(11))), "guest_protocol"],
    ["shorter", async (r) => r.writeHead(200, HEAD).end(await framed(Buffer.alloc(9))), "guest_protocol"],
    [
      "without a size",
      async (r) => r.writeHead(200, { ...HEAD, "x-file-size": "big" }).end(await framed(bytes)),
      "guest_protocol",
    ],
    [
      "of a size no number holds",
      async (r) => r.writeHead(200, { ...HEAD, "x-file-size": "9".repeat(30) }).end(await framed(bytes)),
      "guest_protocol",
    ],
    [
      "without a tag",
      async (r) => r.writeHead(200, { "x-file-size": 10, "x-file-mode": 1 }).end(await framed(bytes)),
      "guest_protocol",
    ],
    ["without its end", (r) => r.writeHead(200, HEAD).end(frame(5, bytes)), "guest_unreachable"],
    [
      "damaged",
      (r) =>
        r
          .writeHead(200, HEAD)
          .end(
            Buffer.concat([
              frame(5, bytes),
              frame(6, Buffer.from('{"bytes":10,"xxh64":"0000000000000000"}')),
            ]),
          ),
      "file_checksum_mismatch",
    ],
    ["of empty frames", (r) => r.writeHead(200, HEAD).end(frame(5, Buffer.alloc(0))), "guest_protocol"],
    ["of other frames", (r) => r.writeHead(200, HEAD).end(frame(1, bytes)), "guest_protocol"],
    [
      "in frames beyond the bound",
      (r) => r.writeHead(200, HEAD).end(Buffer.from([5, 0xff, 0, 0, 0, 1])),
      "guest_protocol",
    ],
    ["refused in no words", (r) => r.writeHead(404).end("<html>"), "guest_protocol"],
    [
      "refused with a code nobody knows",
      (r) => r.writeHead(400).end('{"code":"constructor","message":"x"}'),
      "guest_protocol",
    ],
    ["refused without end", (r) => r.writeHead(500).end(Buffer.alloc(6_000_000, 32)), "guest_protocol"],
  ];
  test.for(lies)("%s", async ([, answer, code]) => {
    await using w = await lying(answer);
    await expect(w.files.read("/f")).rejects.toMatchObject({ code });
    await expect(w.files.downloadFile("/f", `${w.host}/f`)).rejects.toMatchObject({ code });
    expect(await readdir(w.host)).toEqual([]);
  });

  test("without end where it says it is empty", async () => {
    await using w = await lying(async (response) => {
      response.writeHead(200, { ...HEAD, "x-file-size": 0 });
      const piece = frame(5, Buffer.alloc(65_536));
      const closed = once(response, "close");
      while (!response.destroyed && !response.writableEnded) {
        if (!response.write(piece)) await Promise.race([once(response, "drain"), closed]);
      }
    });
    await expect(w.files.read("/f")).rejects.toMatchObject({ code: "guest_protocol" });
    await expect(w.files.downloadFile("/f", `${w.host}/f`)).rejects.toMatchObject({ code: "guest_protocol" });
  });
});

test("a message of the guest is data: cut, and without control characters", async () => {
  const message = `\u001b[31m${"x".repeat(5000)}`;
  await using w = await lying((r) =>
    r.writeHead(404).end(JSON.stringify({ code: "file_not_found", message })),
  );
  const error = await w.files.read("/f").catch((caught: Error) => caught);
  expect((error as Error).message.length).toBeLessThan(1200);
  expect((error as Error).message).not.toContain("\u001b");
});

describe("answers that are none", () => {
  const entry = { name: "n", path: "/n", type: "file", size: 1, mode: 0, uid: 0, gid: 0, mtimeMs: 0 };
  test.for([
    ["no JSON", "no"],
    ["another shape", "{}"],
    ["a negative size", JSON.stringify({ ...entry, size: -1 })],
    ["a type nobody knows", JSON.stringify({ ...entry, type: "door" })],
    ["more than an answer may have", " ".repeat(5_000_000)],
  ])("%s", async ([, body]) => {
    await using w = await lying(json(body ?? ""));
    await expect(w.files.stat("/f")).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test.for([
    ["a list that repeats its last name", { entries: [entry], more: true }],
    ["a list of empty pages", { entries: [], more: true }],
    ["a page of more than was asked for", { entries: Array(1001).fill(entry), more: false }],
  ] as const)("%s", async ([, page]) => {
    await using w = await lying(json(JSON.stringify(page)));
    await expect(w.files.list("/")).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("a list without end is ended", async () => {
    let n = 0;
    await using w = await lying((r) =>
      r.end(
        JSON.stringify({
          entries: Array.from({ length: 900 }, () => ({ ...entry, name: `n${n++}` })),
          more: true,
        }),
      ),
    );
    await expect(w.files.list("/", { maxEntries: 5000 })).rejects.toMatchObject({ code: "too_many_files" });
  });

  test("more lines skipped than there are", async () => {
    await using w = await lying(async (r) =>
      r.writeHead(200, { "x-lines-skipped": 5, "x-lines-total": 4 }).end(await framed(Buffer.alloc(0))),
    );
    await expect(w.files.readLines("/f")).rejects.toMatchObject({ code: "guest_protocol" });
  });
});

describe("a guest that stalls costs the time it is given", () => {
  test.for([
    ["before its answer", () => {}],
    [
      "in the middle of a file",
      (r: ServerResponse) => r.writeHead(200, HEAD).write(frame(5, Buffer.alloc(1))),
    ],
  ] as const)("%s", async ([, answer]) => {
    await using w = await lying(answer, 50);
    await expect(w.files.read("/f")).rejects.toMatchObject({
      code: "guest_unreachable",
      message: expect.stringContaining("in time"),
    });
  });

  test("while it is written to", async () => {
    await using w = await filesWorld({ stallMs: 50, intercept: () => new Promise(() => {}) });
    await expect(w.files.write("/f", Buffer.alloc(20_000_000))).rejects.toMatchObject({
      code: "guest_unreachable",
    });
  });

  test("but a caller that is slow costs nothing", async () => {
    await using w = await filesWorld({ stallMs: 150 });
    await writeFile(`${w.root}/f`, Buffer.alloc(1_000_000));
    let bytes = 0;
    for await (const piece of w.files.readStream("/f")) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 300));
      bytes += piece.length;
    }
    expect(bytes).toBe(1_000_000);
  });
});

test("an upload the guest says it has more of than there is does not go on", async () => {
  await using w = await filesWorld({
    intercept: async (request, response) => {
      if (request.url?.startsWith("/v1/upload")) response.end('{"bytes":999999999}');
      else request.socket.destroy();
      return true;
    },
  });
  await writeFile(`${w.host}/f`, Buffer.alloc(100_000));
  await expect(w.files.uploadFile(`${w.host}/f`, "/f")).rejects.toMatchObject({ code: "guest_unreachable" });
});
