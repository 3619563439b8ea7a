import { join } from "node:path";
import { execa } from "execa";

export interface LayoutConfig {
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

/** Builds an OCI layout with one image `latest` from a root directory, with Debian's umoci. @returns its path */
export async function buildOciLayout(dir: string, root: string, config: LayoutConfig): Promise<string> {
  const layout = join(dir, `layout-${Math.random().toString(36).slice(2)}`);
  const image = ["--image", `${layout}:latest`];
  await execa("umoci", ["init", "--layout", layout]);
  await execa("umoci", ["new", ...image]);
  await execa("umoci", ["insert", ...image, root, "/"]);
  const settings = [
    ...Object.entries(config.env ?? {}).flatMap(([name, value]) => ["--config.env", `${name}=${value}`]),
    ...(config.workdir ? ["--config.workingdir", config.workdir] : []),
    ...(config.user ? ["--config.user", config.user] : []),
    ...(config.entrypoint ?? []).flatMap((part) => ["--config.entrypoint", part]),
    ...(config.cmd ?? []).flatMap((part) => ["--config.cmd", part]),
  ];
  if (settings.length > 0) await execa("umoci", ["config", ...image, ...settings]);
  return layout;
}
