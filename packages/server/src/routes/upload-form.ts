import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BandSoxError, GuestPath, parseInput } from "@bandsox/contract";
import type { Handler } from "../route.ts";
import type { Served } from "../served.ts";
import { assertForm, unwanted } from "./form.ts";

const FIELDS_MAX = 8;
const PATH_MAX_BYTES = 16_384;

/**
 * Takes a file from a form. It goes into the guest as it comes; only when the form names its path after it is it kept
 * in a temporary file on the way.
 */
export function uploadForm({ bandsox }: Served): Handler<"POST /api/vms/:id/upload"> {
  return async ({ params, request, signal }) => {
    assertForm(request);
    const { files } = await bandsox.getVm(params.id);
    await using kept = new AsyncDisposableStack();
    let path: string | undefined;
    let waiting: string | undefined;
    let isWritten = false;
    const limits = {
      files: 1,
      fields: FIELDS_MAX,
      fieldSize: PATH_MAX_BYTES,
      fileSize: Number.POSITIVE_INFINITY,
    };
    for await (const part of request.parts({ limits })) {
      if (part.type === "field") {
        if (part.fieldname === "remote_path") path = pathField(String(part.value));
        continue;
      }
      if (part.fieldname !== "file") throw unwanted(part.fieldname);
      if (path === undefined) {
        waiting = await keep(part.file, kept);
        continue;
      }
      await files.write(path, part.file, { signal });
      isWritten = true;
    }
    const to = path ?? pathField(undefined);
    if (waiting) await files.write(to, createReadStream(waiting), { signal });
    else if (!isWritten) throw missing();
    return { status: "uploaded", path: to };
  };
}

async function keep(file: Readable, kept: AsyncDisposableStack): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "bandsox-upload-"));
  kept.defer(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, "file");
  await pipeline(file, createWriteStream(path, { mode: 0o600 }));
  return path;
}

function pathField(value: string | undefined): string {
  return parseInput(GuestPath, value, "remote_path");
}

function missing(): BandSoxError {
  return new BandSoxError("invalid_argument", "cannot upload: the form has no part `file`", {
    ...{ field: "file", found: undefined },
  });
}
