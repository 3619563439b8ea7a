import { argument } from "./argument.ts";
import { parseDirectory } from "./values.ts";

/** The option of every command that works on a storage. */
export const STORAGE_OPTION = [
  "--storage <dir>",
  "storage directory (default: BANDSOX_STORAGE, else this user's)",
  argument(parseDirectory),
] as const;
