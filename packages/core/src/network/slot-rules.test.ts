import { Egress } from "@bandsox/contract";
import { expect, test } from "vitest";
import { hostRules, removeHostRules } from "./host-rules.ts";
import { nftTransaction } from "./nft.ts";
import { slotRules } from "./slot-rules.ts";

const slot = (egress: unknown) =>
  slotRules({
    ...{ uplink: "out0", address: "198.19.0.3", address6: "fd42:6264:7378:2::3", slots: ["198.19.0.0/16"] },
    ...{
      host: ["192.0.2.2", "2001:db8::2"],
      peers: [],
      neighbours: "this host",
      egress: Egress.parse(egress),
    },
  });
const text = (transaction: object) => `${JSON.stringify(transaction, null, 1)}\n`;

test("a slot's rules, for the default policy", async () => {
  await expect(text(slot("public"))).toMatchFileSnapshot("testdata/slot-public.txt");
});

test("a slot's rules, for a policy of one's own", async () => {
  const egress = { deny: ["10.1.0.0/16"], allow: ["10.0.0.0/8:443", "*.example.com", "udp://1.2.3.4:50-60"] };
  await expect(text(slot(egress))).toMatchFileSnapshot("testdata/slot-rules.txt");
});

test("the host's rules", async () => {
  const rules = hostRules({ table: "bandsox_test", range: "198.19.0.0/16", closed: ["eth0"] });
  await expect(text(nftTransaction(rules))).toMatchFileSnapshot("testdata/host.txt");
});

test("the host's table can be removed whether it is there or not", () => {
  expect(removeHostRules("t").nftables).toEqual([
    { add: { table: { family: "inet", name: "t" } } },
    { delete: { table: { family: "inet", name: "t" } } },
  ]);
});

test("a policy without names lets the guest ask whom it is allowed to", () => {
  expect(text(slot("open"))).not.toContain("redirect");
  expect(text(slot({ allow: ["example.com"] }))).toContain("redirect");
});

test("datagrams from elsewhere are refused where the slot is ours, and left to the network where it is not", () => {
  const udp = '"right": "udp"';
  expect(text(slot("open"))).toContain(udp);
  const others = {
    uplink: "out0",
    address: "10.9.0.3",
    slots: [],
    host: [],
    peers: [],
    neighbours: "its network",
  };
  expect(text(slotRules({ ...others, egress: Egress.parse("open") }))).not.toContain(udp);
});
