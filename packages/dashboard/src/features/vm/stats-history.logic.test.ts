import type { VmStats } from "@bandsox/contract";
import { expect, test } from "vitest";
import { sampleOf, withSample } from "./stats-history.logic.ts";

const stats = (at: number, cpu: Partial<VmStats["cpu"]>, written = 0): VmStats =>
  ({
    at,
    cpu: { count: 1, usedMs: 0, idleMs: 0, stealMs: 0, ...cpu },
    memory: { totalBytes: 100, availableBytes: 25, freeBytes: 0, cachedBytes: 0 },
    disk: { totalBytes: 200, usedBytes: 50 },
    io: { readBytes: 0, writtenBytes: written },
  }) as VmStats;

test("how busy a guest was is told between two looks", () => {
  const first = stats(1000, { usedMs: 100, idleMs: 900 });
  expect(sampleOf(first, undefined).cpuPercent).toBeNull();
  const sample = sampleOf(stats(3000, { usedMs: 600, idleMs: 2400 }, 4096), first);
  expect(sample).toMatchObject({
    cpuPercent: 25,
    memoryPercent: 75,
    diskPercent: 25,
    writtenPerSecond: 2048,
  });
  expect(sample.receivedPerSecond).toBeNull();
});

test("a guest whose clock went back begins a new line", () => {
  const later = sampleOf(stats(9000, {}), undefined);
  const earlier = sampleOf(stats(1000, {}), undefined);
  expect(withSample([later], earlier)).toEqual([earlier]);
});

test("only the newest samples are kept", () => {
  let samples = withSample([], sampleOf(stats(0, {}), undefined));
  for (let at = 1; at < 400; at++) samples = withSample(samples, sampleOf(stats(at * 1000, {}), undefined));
  expect(samples).toHaveLength(150);
  expect(samples.at(-1)?.at).toBe(399);
});
