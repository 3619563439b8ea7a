import { z } from "zod";
import { FileEntry, FileMode, FileOwner, GuestPath } from "../files.ts";
import { Count, maybe, Switch, VmParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import type { Wire } from "./wire.ts";
import { wireSchema } from "./wire-schema.ts";

const BASE64_BODY_BYTES = 360 * 1024 * 1024;

const Entry = (wireSchema(FileEntry) as z.ZodType).meta({ id: "FileEntry" }) as ReturnType<
  typeof wireSchema<typeof FileEntry>
>;
const Mtime = z.number().meta({ description: "Seconds since 1970" });
type Entry = Wire<FileEntry>;
const Listed = z.object({
  ...(Entry as unknown as z.ZodObject).shape,
  ...{ is_dir: z.boolean(), is_file: z.boolean(), mtime: Mtime },
}) as unknown as z.ZodType<
  Entry & { is_dir: boolean; is_file: boolean; mtime: number },
  Entry & { is_dir: boolean; is_file: boolean; mtime: number }
>;
const Info = z.object({ ...(Entry as unknown as z.ZodObject).shape, mtime: Mtime }) as unknown as z.ZodType<
  Entry & { mtime: number },
  Entry & { mtime: number }
>;
const at = z.object({ path: GuestPath });
const place = {
  mode: Count.optional(),
  uid: Count.optional(),
  gid: Count.optional(),
  parents: Switch.optional(),
};
const write = z.object({
  path: GuestPath,
  content: z.string(),
  encoding: maybe(z.enum(["utf-8", "base64"])),
  append: maybe(z.boolean()),
});
const written = z.object({ status: z.string(), path: z.string() });
const change = <B extends z.ZodObject>(summary: string, body: B) =>
  ({ ...about(summary, "exec"), body, answer: Entry }) as const;
const recursive = { recursive: maybe(z.boolean()) };
const replace = { replace: maybe(z.boolean()) };

/** Files in a VM. Those of a VM that does not run are read from its disks. */
export const FILE_ROUTES = {
  "GET /api/vms/:id/files": {
    ...about("What is in a directory", "read"),
    query: z.object({ path: GuestPath.default("/") }),
    answer: z.object({
      path: z.string(),
      files: z.array(Listed),
    }),
  },
  "GET /api/vms/:id/read-file": {
    ...about("A file as text, or a window of its lines", "read"),
    query: z.object({
      ...{ path: GuestPath, offset: Count.optional(), limit: Count.optional() },
      ...{
        show_line_numbers: Switch.optional(),
        show_header: Switch.optional(),
        show_footer: Switch.optional(),
      },
    }),
    answer: z.object({ path: z.string(), content: z.string() }),
  },
  "POST /api/vms/:id/write-file": {
    ...about("Write a file", "exec"),
    ...{ body: write, answer: written, bodyLimitBytes: BASE64_BODY_BYTES },
  },
  "POST /api/vms/:id/append-file": {
    ...about("Add to the end of a file", "exec"),
    ...{ body: write.omit({ append: true }), answer: written, bodyLimitBytes: BASE64_BODY_BYTES },
  },
  "GET /api/vms/:id/file-info": {
    ...about("What a path names", "read"),
    query: z.object({ path: GuestPath, follow: Switch.optional() }),
    answer: z.object({
      path: z.string(),
      info: Info,
    }),
  },
  "POST /api/vms/:id/upload": {
    ...about("Copy a file into the VM", "exec"),
    ...{ body: z.object({ remote_path: GuestPath, file: z.string() }), consumes: "multipart/form-data" },
    answer: written,
  },
  "GET /api/vms/:id/download": {
    ...about("A file as an attachment", "read"),
    ...{ query: at, produces: ["application/octet-stream"] },
  },
  "GET /api/vms/:id/file": {
    ...about("The bytes of a file, or a part of them", "read"),
    query: z.object({ path: GuestPath, offset: Count.optional(), length: Count.optional() }),
    produces: ["application/octet-stream"],
  },
  "PUT /api/vms/:id/file": {
    ...about("Write a file in one step: it has its old content, or all of the new", "exec"),
    ...{ query: z.object({ ...at.shape, ...place, append: Switch.optional() }), answer: Entry },
    consumes: "application/octet-stream",
  },
  "GET /api/vms/:id/tree": {
    ...about("A tar of what is below a directory", "read"),
    query: z.object({ path: GuestPath, include: z.string().optional(), exclude: z.string().optional() }),
    produces: ["application/x-tar"],
  },
  "PUT /api/vms/:id/tree": {
    ...about("Unpack a tar below a directory", "exec"),
    query: z.object({
      ...{ path: GuestPath, parents: Switch.optional(), replace: Switch.optional() },
      keep_owner: Switch.optional(),
    }),
    consumes: "application/x-tar",
    answer: z.object({
      entries: z.int(),
      bytes: z.int(),
      skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
    }),
  },
  "POST /api/vms/:id/files/mkdir": change(
    "Make a directory",
    z.object({ path: GuestPath, parents: maybe(z.boolean()), mode: maybe(FileMode) }),
  ),
  "POST /api/vms/:id/files/remove": {
    ...about("Remove a file, a link, or a directory", "exec"),
    body: z.object({ path: GuestPath, ...recursive, missing_ok: maybe(z.boolean()) }),
    answer: z.object({ status: z.string() }),
  },
  "POST /api/vms/:id/files/rename": change(
    "Give a file another path",
    z.object({ from: GuestPath, to: GuestPath, ...replace }),
  ),
  "POST /api/vms/:id/files/copy": change(
    "Copy within the guest",
    z.object({ from: GuestPath, to: GuestPath, ...recursive, ...replace }),
  ),
  "POST /api/vms/:id/files/chmod": change(
    "Set the permission bits",
    z.object({ path: GuestPath, mode: FileMode, ...recursive }),
  ),
  "POST /api/vms/:id/files/chown": change(
    "Set the owner",
    z.object({ path: GuestPath, uid: maybe(FileOwner), gid: maybe(FileOwner), ...recursive }),
  ),
  "POST /api/vms/:id/files/symlink": change(
    "Make a symbolic link",
    z.object({ target: z.string().max(4096), path: GuestPath, ...replace }),
  ),
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Files", params: VmParams } as const;
}
