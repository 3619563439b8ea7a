import type { Browser, Page } from "playwright-core";

/** What scrolling a list did to the page, and what it cost on this machine at this moment. */
export interface ScrollCost {
  /** Names of the rows that came into the document, in their order */
  readonly added: string[];
  /** Changes to rows that were there already */
  readonly touched: number;
  /** Frames, and how many of them came after more than one and a half sixtieth of a second */
  readonly frames: number;
  readonly late: number;
  /** What the page's main thread computed in a frame, in ms of its own time: scripts, styles, layout and paint */
  readonly mainMs: { readonly p50: number; readonly p95: number };
}

/** Scrolls a list down, a step a frame, and looks at it. */
export async function scrollCost(browser: Browser, page: Page, label: string): Promise<ScrollCost> {
  await browser.startTracing(page, { categories: ["-*", "toplevel", "devtools.timeline"] });
  const seen = await page.evaluate<Omit<ScrollCost, "mainMs">>(`(${SCROLL})(${JSON.stringify(label)})`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: Trace[] };
  const costs = mainThreadMs(traceEvents).toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(10 * (costs[Math.floor(costs.length * share)] ?? 0)) / 10;
  return { ...seen, mainMs: { p50: at(0.5), p95: at(0.95) } };
}

const SCROLL = `(label) => new Promise((resolve) => {
  const list = document.querySelector('[aria-label="' + label + '"]');
  const added = [];
  let touched = 0;
  const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if ((target.parentElement ?? target).closest(".rows-one")) touched += 1;
      for (const node of addedNodes) added.push(node.querySelector?.("[data-vm]")?.dataset.vm);
    }
  });
  observer.observe(list, { subtree: true, childList: true, attributes: true, characterData: true });
  const times = [];
  let before = performance.now();
  const step = (now) => {
    times.push(now - before);
    before = now;
    list.scrollTop += 90;
    if (times.length < 240) return void requestAnimationFrame(step);
    observer.disconnect();
    const late = times.slice(1).filter((ms) => ms > 25).length;
    resolve({ added: added.filter(Boolean), touched, frames: times.length - 1, late });
  };
  requestAnimationFrame(step);
})`;

/** An event of Chrome's tracing; times are in µs, `tdur` is what the thread itself ran. */
interface Trace {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
}

/** What the thread that draws the frames ran, frame by frame, in ms. */
function mainThreadMs(events: readonly Trace[]): number[] {
  const whole = events.filter(({ ph }) => ph === "X").toSorted((a, b) => a.ts - b.ts);
  const frames = whole.filter(({ name }) => name === "FireAnimationFrame");
  const [first] = frames;
  if (!first) return [];
  const main = whole.filter(({ pid, tid }) => pid === first.pid && tid === first.tid);
  return frames.slice(1).map(({ ts: to }, index) => {
    const from = frames[index]?.ts ?? to;
    let [end, sum] = [from, 0];
    for (const { ts, dur = 0, tdur = 0 } of main) {
      if (ts < end || ts >= to) continue; // of what is nested, the outermost counts
      end = ts + dur;
      sum += tdur;
    }
    return sum / 1000;
  });
}
