import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import type { ListedFile } from "./file-list.logic.ts";

/** What is in a directory. */
export function directoryQuery(vmId: string, path: string) {
  return queryOptions({
    queryKey: ["files", vmId, path],
    queryFn: async ({ signal }): Promise<readonly ListedFile[]> => {
      const call = { params: { id: vmId }, query: { path }, signal };
      return (await server.call("GET /api/vms/:id/files", call)).files as unknown as readonly ListedFile[];
    },
    staleTime: 0,
  });
}

/** The address of a file as an attachment, or of a directory as a tar. */
export function downloadHref(vmId: string, { path, is_dir }: Pick<ListedFile, "path" | "is_dir">): string {
  const route = is_dir ? "tree" : "download";
  return `/api/vms/${encodeURIComponent(vmId)}/${route}?${new URLSearchParams({ path })}`;
}

/** Writes a file in one step, with the directories on the way. */
export async function writeFile(vmId: string, path: string, content: Blob | string): Promise<void> {
  const bytes = typeof content === "string" ? new Blob([content]) : content;
  const query = { path, parents: "1" } as const;
  await server.call("PUT /api/vms/:id/file", { params: { id: vmId }, query, bytes, timeoutMs: 0 });
}

/** The beginning of a file, at most `length` bytes. */
export async function readBytes(
  vmId: string,
  path: string,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const query = { path, length: String(length) };
  const response = await server.open("GET /api/vms/:id/file", { params: { id: vmId }, query });
  return new Uint8Array(await response.arrayBuffer());
}

export async function removeFile(vmId: string, { path, is_dir }: ListedFile): Promise<void> {
  const body = { path, recursive: is_dir };
  await server.call("POST /api/vms/:id/files/remove", { params: { id: vmId }, body, timeoutMs: 0 });
}

export async function renameFile(vmId: string, from: string, to: string): Promise<void> {
  await server.call("POST /api/vms/:id/files/rename", { params: { id: vmId }, body: { from, to } });
}

/** Makes a directory; with those on the way, and then one that is there already will do. */
export async function makeDirectory(vmId: string, path: string, { parents = false } = {}): Promise<void> {
  await server.call("POST /api/vms/:id/files/mkdir", { params: { id: vmId }, body: { path, parents } });
}

export async function changeMode(vmId: string, path: string, mode: number): Promise<void> {
  await server.call("POST /api/vms/:id/files/chmod", { params: { id: vmId }, body: { path, mode } });
}
