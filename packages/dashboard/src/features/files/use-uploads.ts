import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { notifyDone, notifyError } from "../../api/errors.tsx";
import type { Upload } from "./dropped-files.ts";
import { makeDirectory, writeFile } from "./file-calls.ts";
import { joinPath } from "./guest-path.logic.ts";

export interface UploadProgress {
  readonly done: number;
  readonly total: number;
}

const AT_ONCE = 3;

/** Copies files into a directory of the guest, a few at a time. */
export function useUploads(vmId: string, dir: string) {
  const queries = useQueryClient();
  const [progress, setProgress] = useState<UploadProgress>();
  const upload = async (uploads: readonly Upload[]) => {
    if (uploads.length === 0) return;
    const waiting = [...uploads];
    let [done, failed] = [0, 0];
    setProgress({ done, total: uploads.length });
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        try {
          await put(vmId, joinPath(dir, next.path), next);
        } catch (error) {
          failed += 1;
          notifyError(error);
        }
        done += 1;
        setProgress({ done, total: uploads.length });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    setProgress(undefined);
    await queries.invalidateQueries({ queryKey: ["files", vmId] });
    if (failed < uploads.length) notifyDone(`${uploads.length - failed} uploaded to ${dir}.`);
  };
  return { progress, upload };
}

async function put(vmId: string, path: string, { file }: Upload): Promise<void> {
  await (file ? writeFile(vmId, path, file) : makeDirectory(vmId, path, { parents: true }));
}
