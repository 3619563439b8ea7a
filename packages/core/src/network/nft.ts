/** The words of nft's JSON (libnftables-json(5)) that our rules use. */

export type NftStatement = Readonly<Record<string, unknown>>;
export type NftCommand = Readonly<Record<string, unknown>>;

/** A table all of whose parts are of the `inet` family. */
export function nftTable(table: string) {
  const place = { family: "inet", table } as const;
  return {
    add: (): NftCommand => ({ add: { table: { family: "inet", name: table } } }),
    delete: (): NftCommand => ({ delete: { table: { family: "inet", name: table } } }),
    chain: (name: string, base: BaseChain | undefined = undefined): NftCommand => ({
      add: { chain: { ...place, name, ...base } },
    }),
    flush: (name: string): NftCommand => ({ flush: { chain: { ...place, name } } }),
    set: (name: string, set: NftSet): NftCommand => ({ add: { set: { ...place, name, ...set } } }),
    flushSet: (name: string): NftCommand => ({ flush: { set: { ...place, name } } }),
    elements: (verb: "add" | "delete", name: string, elem: readonly unknown[]): NftCommand => ({
      [verb]: { element: { ...place, name, elem } },
    }),
    rule: (chain: string, ...expr: readonly NftStatement[]): NftCommand => ({
      add: { rule: { ...place, chain, expr } },
    }),
  };
}

/** Where a chain is hooked in; `prio` as nft has it, e.g. `-100` for destination NAT. */
export interface BaseChain {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly prio: number;
  readonly policy: "accept" | "drop";
}

export interface NftSet {
  readonly type: string | readonly string[];
  readonly flags?: readonly string[];
  readonly size?: number;
  readonly elem?: readonly unknown[];
}

type Operand = string | number | NftStatement | readonly (string | number | NftStatement)[];

/** A transaction as nft reads it: all of it holds, or nothing. */
export function nftTransaction(commands: readonly NftCommand[]): {
  readonly nftables: readonly NftCommand[];
} {
  return { nftables: commands };
}

export function match(left: NftStatement, right: Operand, op: "==" | "!=" | "in" = "=="): NftStatement {
  return { match: { op, left, right } };
}

export const meta = (key: string): NftStatement => ({ meta: { key } });
export const field = (protocol: string, name: string): NftStatement => ({
  payload: { protocol, field: name },
});
export const ctState = (...states: string[]): NftStatement => match({ ct: { key: "state" } }, states, "in");
export const oneOf = (values: readonly unknown[]): NftStatement => ({ set: values });
export const jump = (target: string): NftStatement => ({ jump: { target } });
export const goto = (target: string): NftStatement => ({ goto: { target } });
export const ACCEPT: NftStatement = { accept: null };
export const DROP: NftStatement = { drop: null };
/** Refuses a connection so that whoever opens it sees it at once. */
export const REJECT: readonly (readonly NftStatement[])[] = [
  [match(meta("l4proto"), "tcp"), { reject: { type: "tcp reset" } }],
  [{ reject: { type: "icmpx", expr: "admin-prohibited" } }],
];

/** A network in CIDR notation as an element or operand. */
export function prefix(cidr: string): NftStatement | string {
  const [addr = "", len = ""] = cidr.split("/");
  const isAddress = len === "" || len === (addr.includes(":") ? "128" : "32");
  return isAddress ? addr : { prefix: { addr, len: Number(len) } };
}
