import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { toolPath } from "../host/find-tool.ts";
import { startChild } from "../host/start-child.ts";

const Answer = z.object({
  error: z.string().default(""),
  taken: z.boolean().default(false),
  addresses: z.array(z.string()).default([]),
});
export type HelperAnswer = z.infer<typeof Answer>;

/**
 * Has `bandsox-network` do something; it finishes what it has begun even if this process dies.
 *
 * @throws {BandSoxError} `network_failed` when it does not answer
 */
export async function askHelper(path: string, request: object): Promise<HelperAnswer> {
  const options = {
    input: JSON.stringify(request),
    reject: false,
    env: { PATH: toolPath() },
    detached: true,
  } as const;
  const { stdout, code, exitCode, stderr } = await startChild(path, options);
  try {
    return Answer.parse(JSON.parse(stdout));
  } catch (cause) {
    const reason = `${path} ended with ${code ?? exitCode}: ${stderr || "it said nothing"}`;
    throw new BandSoxError(
      "network_failed",
      `networks cannot be changed: ${reason}`,
      { what: "helper", reason },
      { cause },
    );
  }
}

/** What was asked for, done. @throws {BandSoxError} `network_failed` with the helper's words */
export async function mustHelp(asked: Promise<HelperAnswer>, what: string): Promise<HelperAnswer> {
  const answer = await asked;
  if (answer.error !== "") throw helpFailed(what, answer.error);
  return answer;
}

export function helpFailed(what: string, reason: string): BandSoxError {
  return new BandSoxError("network_failed", `cannot ${what}: ${reason}`, { what, reason });
}
