import { resolve } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { normaliseReference } from "./image-reference.ts";

/** Where an image comes from; `reference` is the name the store keeps it by. */
export type ImageSource = HelperSource | DiskSource | RecipeSource;

/** What the image helper reads; `text` is how it spells the source. */
export interface HelperSource {
  readonly kind: "registry" | "docker-daemon" | "oci" | "docker-archive" | "dir" | "tar";
  readonly text: string;
  readonly reference: string;
}

/** A ready-made disk, used as it is. */
export interface DiskSource {
  readonly kind: "ext4";
  readonly path: string;
  readonly reference: string;
}

/** A root file system to be built from a Debian mirror. */
export interface RecipeSource {
  readonly kind: "debian";
  /** Code name of the release */
  readonly suite: string;
  /** Packages on top of the minimal system, in order */
  readonly include: readonly string[];
  readonly reference: string;
}

const PATH_KINDS = ["oci", "docker-archive", "dir", "tar", "ext4"] as const;
type PathKind = (typeof PATH_KINDS)[number];

const FORMS =
  "give a registry reference (`python:3-alpine`), or `docker-daemon:name`, `oci:dir[:ref]`, " +
  "`docker-archive:file[:ref]`, `dir:path`, `tar:file`, `ext4:file` or `debian:suite?include=package,…`";

/**
 * Parses what a user gives as an image. A registry reference is the default (`python:3-alpine`,
 * `localhost:5000/team/app@sha256:…`) and may be marked by `docker://` or `registry:`. Other sources begin with their
 * kind: `docker-daemon:name[:tag]`, `oci:dir[:ref]`, `docker-archive:file[:ref]`, `dir:path`, `tar:file`, `ext4:file`,
 * and `debian:suite?include=a,b`, where the question mark tells the recipe from the registry's `debian:suite`.
 *
 * @throws {BandSoxError} `invalid_argument`
 */
export function parseImageSource(image: string): ImageSource {
  const kind = PATH_KINDS.find((candidate) => image.startsWith(`${candidate}:`));
  if (kind) return parsePath(image, kind);
  if (image.startsWith("docker-daemon:")) return parseDaemon(image);
  if (/^debian:[^?/]*\?/.test(image)) return parseRecipe(image);
  return parseRegistry(image);
}

/** Whether a source is fetched once under its name; what is behind a path or in a daemon may change instead. */
export function isFetchedOnce(source: ImageSource): boolean {
  return source.kind === "registry" || source.kind === "debian";
}

function parsePath(image: string, kind: PathKind): ImageSource {
  const rest = image.slice(kind.length + 1);
  if (rest === "") throw invalid(image, `a path is needed after \`${kind}:\``);
  const path = resolve(rest);
  const text = `${kind}:${path}`;
  return kind === "ext4" ? { kind, path, reference: text } : { kind, text, reference: text };
}

function parseDaemon(image: string): ImageSource {
  const name = image.slice("docker-daemon:".length);
  const reference = /^[0-9a-f]{12,64}$/.test(name) ? name : normaliseReference(name);
  if (!reference) throw invalid(image, "what follows `docker-daemon:` is neither a name nor an image id");
  const text = `docker-daemon:${reference.replace(/^docker\.io\/(?:library\/)?/, "")}`;
  return { kind: "docker-daemon", text, reference: text };
}

function parseRecipe(image: string): ImageSource {
  const at = image.indexOf("?");
  const suite = image.slice("debian:".length, at);
  if (!/^[a-z][a-z0-9.-]{0,63}$/.test(suite))
    throw invalid(image, "a release's code name is needed after `debian:`");
  const { include: packages = "", ...others } = Object.fromEntries(new URLSearchParams(image.slice(at + 1)));
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    throw invalid(image, `a recipe has \`include\`, and no ${JSON.stringify(unknown)}`);
  const include = [...new Set(packages.split(",").filter((name) => name !== ""))].sort();
  const bad = include.find((name) => !/^[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?$/.test(name));
  if (bad !== undefined) throw invalid(image, `${JSON.stringify(bad)} is not a package's name`);
  return { kind: "debian", suite, include, reference: `debian:${suite}?include=${include.join(",")}` };
}

/** `registry:2` is an image of that name, so a mark is one only before what is no tag. */
function parseRegistry(image: string): ImageSource {
  const reference =
    normaliseReference(image) ?? normaliseReference(image.replace(/^(?:docker:\/\/|registry:)/, ""));
  if (!reference) throw invalid(image, FORMS);
  return { kind: "registry", text: `registry:${reference}`, reference };
}

function invalid(image: string, why: string): BandSoxError {
  const shown = image.length > 80 ? `${image.slice(0, 80)}…` : image;
  return new BandSoxError("invalid_argument", `cannot use ${JSON.stringify(shown)} as an image: ${why}`, {
    field: "image",
    found: shown,
  });
}
