import type { Call } from "../route.ts";
import { type Served, withFiles } from "../served.ts";
import { given } from "./given.ts";

const READ_MAX_BYTES = 64 * 1024 * 1024;

/** A file as text, also of a VM that does not run; windows of lines need one that does. */
export async function readTextFile(
  served: Served,
  { params, query, signal }: Call<"GET /api/vms/:id/read-file">,
): Promise<string> {
  const { path, offset, limit } = query;
  const vm = await served.bandsox.getVm(params.id);
  const shown = given({
    showLineNumbers: query.show_line_numbers,
    showHeader: query.show_header,
    showFooter: query.show_footer,
  });
  const isWindow = offset !== undefined || limit !== undefined || query.show_line_numbers === true;
  const bounds = { maxBytes: READ_MAX_BYTES, signal };
  if (isWindow) return vm.files.readLines(path, { ...given({ offset, limit }), ...shown, ...bounds });
  return withFiles(served, vm, {
    online: (files) => files.readText(path, bounds),
    offline: async (files) => (await files.read(path, bounds)).toString("utf8"),
  });
}
