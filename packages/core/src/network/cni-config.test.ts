import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { parseCniNetwork, readCniNetworks } from "./cni-config.ts";

const list = (name: string, ...plugins: object[]) =>
  JSON.stringify({ cniVersion: "1.0.0", name, plugins: plugins.length > 0 ? plugins : [{ type: "ptp" }] });

test("a list tells the programs it runs, and whether one of them publishes ports", () => {
  const bridge = { type: "bridge", ipam: { type: "host-local" }, mtu: 1400 };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  expect(parseCniNetwork(list("lab", bridge, portmap), "lab.conflist")).toMatchObject({
    ...{ name: "lab", plugins: ["bridge", "host-local", "portmap"], mapsPorts: true },
    config: { cniVersion: "1.0.0", plugins: [bridge, portmap] },
  });
  expect(parseCniNetwork(list("lab", bridge), "lab.conflist")).toMatchObject({ mapsPorts: false });
});

test("a single plugin is a list of one", () => {
  const text = JSON.stringify({ cniVersion: "0.4.0", name: "old", type: "macvlan", master: "eth0" });
  expect(parseCniNetwork(text, "old.conf")).toMatchObject({
    plugins: ["macvlan"],
    config: { cniVersion: "0.4.0", name: "old", plugins: [{ type: "macvlan", master: "eth0" }] },
  });
});

test.for(["", "no JSON", "[]", "{}", list("x").replace("ptp", ""), '{"name":"x","plugins":[]}'])(
  "%j configures nothing",
  (text) => {
    expect(parseCniNetwork(text, "x.conflist")).toBeUndefined();
  },
);

test("in a directory lists come before single plugins, and the first of a name is it", async () => {
  await using dir = await temporaryDirectory();
  const write = (name: string, text: string) => writeFile(join(dir.path, name), text);
  await write("00-a.conf", JSON.stringify({ name: "a", type: "loopback" }));
  await write("20-a.conflist", list("a", { type: "bridge" }));
  await write("10-b.conflist", list("b"));
  await write("30-b.conflist", list("b", { type: "bridge" }));
  await write("40-c.conflist", "{");
  await write("notes.txt", "{");
  const { networks, broken } = readCniNetworks(dir.path);
  expect(networks.map(({ name, plugins }) => [name, ...plugins])).toEqual([
    ["b", "ptp"],
    ["a", "bridge"],
  ]);
  expect(broken).toEqual([join(dir.path, "40-c.conflist")]);
  expect(readCniNetworks(join(dir.path, "nowhere"))).toEqual({ networks: [], broken: [] });
});
