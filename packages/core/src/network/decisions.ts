import { NetworkDecision } from "@bandsox/contract";
import { readConsole } from "../engine/console-log.ts";

/** A line is at most this long; a longer one is not ours */
const LINE_MAX = 65_536;

/**
 * What was decided about a guest's network, the oldest that is kept first; with `follow`, what goes on to be decided,
 * until `signal` fires. Lines that are cut by the log's bound are left out.
 */
export async function* readDecisions(
  path: string,
  options: { follow?: boolean; signal?: AbortSignal } = {},
): AsyncGenerator<NetworkDecision, void, undefined> {
  let line = "";
  for await (const text of readConsole(path, options)) {
    const lines = `${line}${text}`.split("\n");
    line = (lines.pop() ?? "").slice(-LINE_MAX);
    for (const one of lines) {
      const decision = parseDecision(one);
      if (decision) yield decision;
    }
  }
}

function parseDecision(line: string): NetworkDecision | undefined {
  try {
    return NetworkDecision.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // cut
  }
}
