import { VmId } from "@bandsox/contract";
import { expect, test } from "vitest";
import { type Connected, hostNames, peers } from "./private-networks.ts";

const member = (letter: string, ...networks: string[]): Connected => ({
  ...{ id: VmId.parse(`vm_${letter.repeat(12)}`), name: `VM-${letter}`, networks },
  slot: { address: `198.19.0.${letter.charCodeAt(0)}`, netns: `/run/netns/${letter}` },
});
const [a, b, c, d] = [member("a", "x"), member("b", "x", "y"), member("c", "y"), member("d")];
const all = [a, b, c, d];

test("who has a network in common is a peer, whoever else is in between", () => {
  expect(all.map((one) => peers(one, all).map(({ name }) => name))).toEqual([
    ["VM-b"],
    ["VM-a", "VM-c"],
    ["VM-b"],
    [],
  ]);
});

test("a VM is found by its name, in lower case, and by its id", () => {
  expect({ ...hostNames([a]) }).toEqual({ "vm-a": ["198.19.0.97"], [a.id]: ["198.19.0.97"] });
  expect(hostNames([]).constructor).toBeUndefined();
});
