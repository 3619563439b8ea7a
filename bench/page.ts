import type { Figure } from "./figure.ts";
import type { HostStamp } from "./host.ts";
import { table } from "./table.ts";

/** How the guests of a run were run. */
export interface RunAbout {
  readonly engine: string;
  readonly transport: string | undefined;
  readonly isEmulated: boolean;
}

/** The page that tells the figures of one run, with what has to be known to read them. */
export function page(host: HostStamp, about: RunAbout, figures: readonly Figure[]): string {
  const how = about.isEmulated
    ? "**Every figure here is from emulation** (TCG): there is no KVM on this machine, and a guest's processor is some ten to thirty times slower than the host's."
    : "Guests ran on KVM.";
  return `# Benchmarks

This page is written by \`make bench WRITE=1\`; nothing on it is typed by hand but the last section. ${how}

- Engine \`${about.engine}\`, transport \`${about.transport ?? "none"}\`, commit \`${host.commit}\`, ${host.at.slice(0, 10)}
- ${host.processor}, ${host.processors} processors, ${host.memoryMib} MiB, Linux ${host.kernel}, Node ${host.node}
- Load before the run: ${host.load.toFixed(2)}. The machine is shared: compare a figure with the one beside it, which was
  measured in the same run, rather than with another day's. _p50_ and _p99_ are of as many samples as the JSON beside the
  table has.

${table(figures)}
`;
}
