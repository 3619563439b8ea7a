import { writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { vmmPaths } from "../../host/paths.ts";
import { measure } from "./measure.ts";

test("what Firecracker counts is told by our names, and what it does not count is none", async () => {
  await using dir = await temporaryDirectory();
  const paths = vmmPaths(dir.path);
  expect(await measure(paths)).toBeUndefined();
  const interfaces = { rx_bytes_count: 9, tx_bytes_count: 8, rx_packets_count: 7, tx_packets_count: 6 };
  const disk = { read_bytes: 1, write_bytes: 2, read_count: 3, write_count: 4, flush_count: 5 };
  const line = {
    utc_timestamp_ms: 1000,
    block_base: { read_bytes: 77 },
    block_layer: { ...disk, rate_limiter_throttled_events: 6, read_agg: { min_us: 1 } },
    net_eth0: interfaces,
  };
  await writeFile(paths.metrics, JSON.stringify(line));
  expect(await measure(paths)).toEqual({
    at: 1000,
    disk: { readBytes: 1, writtenBytes: 2, reads: 3, writes: 4, flushes: 5, throttled: 6 },
    network: { rxBytes: 9, txBytes: 8, rxPackets: 7, txPackets: 6 },
  });
});

test("a file that is no metrics is as none", async () => {
  await using dir = await temporaryDirectory();
  const paths = vmmPaths(dir.path);
  for (const content of [
    "",
    "{",
    "[]",
    '{"block_layer":1}',
    '{"utc_timestamp_ms":1,"vsock":{"rx_bytes_count":-1}}',
  ]) {
    await writeFile(paths.metrics, content);
    expect(await measure(paths)).toBeUndefined();
  }
});
