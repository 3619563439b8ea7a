import { z } from "zod";

/** What an image says about running it; the part of the OCI image configuration a guest needs. */
export const ImageConfig = z.object({
  /** `NAME=value` entries */
  env: z.array(z.string()).default([]),
  workingDir: z.string().default(""),
  user: z.string().default(""),
  entrypoint: z.array(z.string()).default([]),
  cmd: z.array(z.string()).default([]),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

/** The image's variables by name; a later entry wins, as in a shell. */
export function envOf(config: ImageConfig): Record<string, string> {
  const env: Record<string, string> = {};
  for (const entry of config.env) {
    const at = entry.indexOf("=");
    if (at > 0) env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return env;
}
