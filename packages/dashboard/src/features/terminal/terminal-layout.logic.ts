/** Terminals as they are laid out: tabs, each with one session or more side by side. */
export type TerminalLayout = readonly (readonly string[])[];

/** The layout with every session that runs and none that does not; new ones are tabs of their own. */
export function withSessions(layout: TerminalLayout, running: readonly string[]): TerminalLayout {
  const kept = layout.map((tab) => tab.filter((id) => running.includes(id))).filter((tab) => tab.length > 0);
  const known = new Set(kept.flat());
  return [...kept, ...running.filter((id) => !known.has(id)).map((id) => [id])];
}

/** Puts a session beside those of a tab. */
export function splitTab(layout: TerminalLayout, tab: number, id: string): TerminalLayout {
  const without = layout.map((ids) => ids.filter((other) => other !== id));
  return without.map((ids, index) => (index === tab ? [...ids, id] : ids)).filter((ids) => ids.length > 0);
}

/** Takes a session out. */
export function withoutSession(layout: TerminalLayout, id: string): TerminalLayout {
  return layout.map((ids) => ids.filter((other) => other !== id)).filter((ids) => ids.length > 0);
}
