import { expect, test } from "vitest";
import { parseEgressRule } from "./egress-rule.ts";

test.for([
  ["10.0.0.0/8", { cidr: "10.0.0.0/8", subdomains: false }],
  ["203.0.113.7:443", { cidr: "203.0.113.7/32", subdomains: false, ports: [443, 443] }],
  ["udp://10.0.0.0/8:53-54", { cidr: "10.0.0.0/8", subdomains: false, ports: [53, 54], protocol: "udp" }],
  ["Example.COM", { domain: "example.com", subdomains: false }],
  ["*.example.com:443", { domain: "example.com", subdomains: true, ports: [443, 443] }],
  ["tcp://*:22", { subdomains: false, ports: [22, 22], protocol: "tcp" }],
  ["[fd00::]/8", { cidr: "fd00::/8", subdomains: false }],
  ["[2001:db8::1]:443", { cidr: "2001:db8::1/128", subdomains: false, ports: [443, 443] }],
] as const)("%s is a rule", ([text, target]) => {
  expect(parseEgressRule(text)).toMatchObject(target);
});

test.for([
  "",
  "10.0.0.0/33",
  "256.1.1.1",
  "1.2.3",
  "01.2.3.4",
  "example.com/8",
  "example",
  "*.com.",
  "a..b",
  "-a.b",
  "1.2.3.4:0",
  "1.2.3.4:70000",
  "1.2.3.4:9-8",
  "icmp://1.2.3.4",
  "[fd00::]/129",
  "[fd00::zz]",
  "fd00::1",
  'a.b"; flush ruleset',
  "a.b\n",
  `${"a".repeat(60)}.${"b".repeat(60)}.com`,
])("%j is none", (text) => {
  expect(parseEgressRule(text)).toBeUndefined();
});
