import { ORDERS, type Order } from "./top-rows.ts";

/** What the user has chosen to see. */
export interface TopView {
  readonly order: Order;
  readonly isReversed: boolean;
  /** The first row shown */
  readonly from: number;
  readonly isStill: boolean;
  readonly showsHelp: boolean;
  readonly isOver: boolean;
}

export const FIRST_VIEW: TopView = {
  ...{ order: "cpu", isReversed: false, from: 0 },
  ...{ isStill: false, showsHelp: false, isOver: false },
};

const PAGE = 10;
const NAMES = Object.keys(ORDERS) as Order[];

/** What each key does. */
const KEYS: Readonly<Record<string, (view: TopView) => Partial<TopView>>> = {
  q: () => ({ isOver: true }),
  "\u0003": () => ({ isOver: true }),
  "\u0004": () => ({ isOver: true }),
  " ": ({ isStill }) => ({ isStill: !isStill }),
  r: ({ isReversed }) => ({ isReversed: !isReversed }),
  ">": ({ order }) => ({ order: next(order, 1) }),
  "<": ({ order }) => ({ order: next(order, -1) }),
  "?": ({ showsHelp }) => ({ showsHelp: !showsHelp }),
  h: ({ showsHelp }) => ({ showsHelp: !showsHelp }),
  j: ({ from }) => ({ from: from + 1 }),
  k: ({ from }) => ({ from: from - 1 }),
  g: () => ({ from: 0 }),
  "\u001b[B": ({ from }) => ({ from: from + 1 }),
  "\u001b[A": ({ from }) => ({ from: from - 1 }),
  "\u001b[6~": ({ from }) => ({ from: from + PAGE }),
  "\u001b[5~": ({ from }) => ({ from: from - PAGE }),
  ...Object.fromEntries(
    NAMES.map((order) => [
      ORDERS[order].key,
      (view: TopView) => ({ order, isReversed: view.order === order ? !view.isReversed : false }),
    ]),
  ),
};

/** The view after what was typed; keys that mean nothing change nothing. */
export function typed(view: TopView, keys: string): TopView {
  let after = view;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape begins the keys that are more than one character
  for (const [key] of keys.matchAll(/\u001b\[[0-9]*[A-Za-z~]|./gsu))
    after = { ...after, ...KEYS[key]?.(after) };
  return { ...after, from: Math.max(0, after.from) };
}

function next(order: Order, step: number): Order {
  return NAMES[(NAMES.indexOf(order) + step + NAMES.length) % NAMES.length] ?? order;
}

/** What the keys do, for people. */
export const KEY_HELP: readonly string[] = [
  "q, Ctrl-C        leave",
  "space            hold the screen still, and let it go on",
  "c m d n a N s    order by cpu, memory, disk, network, age, name, state; again to reverse",
  "< >              order by the column before or behind",
  "r                reverse the order",
  "j k, arrows, page up and down, g    scroll, and back to the top",
  "? h              show this, and hide it",
];
