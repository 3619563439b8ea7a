import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { z } from "zod";

/** A network that this machine's administrator has configured. */
export interface CniNetwork {
  readonly name: string;
  readonly file: string;
  /** Programs its chain runs, those that give addresses included */
  readonly plugins: readonly string[];
  /** Whether a plugin of its chain publishes ports */
  readonly mapsPorts: boolean;
  /** Its configuration list, whole */
  readonly config: object;
}

/** What a directory of configurations holds. */
export interface CniNetworks {
  readonly networks: readonly CniNetwork[];
  /** Files that hold no configuration */
  readonly broken: readonly string[];
}

const Plugin = z.looseObject({
  type: z.string().min(1),
  capabilities: z.record(z.string(), z.unknown()).optional(),
  ipam: z.looseObject({ type: z.string().optional() }).optional(),
});
const List = z.looseObject({ name: z.string().min(1), plugins: z.array(Plugin).min(1) });
/** A network of one plugin, in a file of the older kind */
const Single = Plugin.extend({ name: z.string().min(1), cniVersion: z.string().optional() });

const LIST = ".conflist";
const SINGLES = [".conf", ".json"];

/** Reads a directory of configurations as libcni does: lists before single plugins, then by file name; the first of a name is it. */
export function readCniNetworks(dir: string): CniNetworks {
  const files = namesIn(dir).map((name) => join(dir, name));
  const lists = files.filter((file) => extname(file) === LIST);
  const singles = files.filter((file) => SINGLES.includes(extname(file)));
  const networks = new Map<string, CniNetwork>();
  const broken: string[] = [];
  for (const file of [...lists, ...singles]) {
    const network = parseCniNetwork(readText(file), file);
    if (!network) broken.push(file);
    else if (!networks.has(network.name)) networks.set(network.name, network);
  }
  return { networks: [...networks.values()], broken };
}

/** The network that a file's text configures; `undefined` when it is none. */
export function parseCniNetwork(text: string, file: string): CniNetwork | undefined {
  const parsed = parseJson(text);
  const list = extname(file) === LIST ? List.safeParse(parsed).data : listOf(Single.safeParse(parsed).data);
  if (!list) return undefined;
  const { name, plugins } = list;
  return {
    ...{ name, file, config: list },
    plugins: [...new Set(plugins.flatMap(({ type, ipam }) => [type, ipam?.type ?? []].flat()))],
    mapsPorts: plugins.some(({ capabilities }) => capabilities?.portMappings === true),
  };
}

function listOf(single: z.infer<typeof Single> | undefined): z.infer<typeof List> | undefined {
  if (!single) return undefined;
  const { name, cniVersion } = single;
  return { ...(cniVersion === undefined ? {} : { cniVersion }), name, plugins: [single] };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return []; // nothing is configured
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // which configures nothing
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
