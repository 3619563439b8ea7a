// A pool keeps VMs ready, so that creating one is a call instead of a start.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";

await using bandsox = new BandSox();
await bandsox.pools.set({ image, size: 2 });
try {
  await bandsox.pools.fill();
  for (let round = 0; round < 2; round++) {
    const begun = performance.now();
    const vm = await bandsox.createVm(image);
    const created = performance.now();
    const { stdout } = await vm.exec(["echo", "ready"]);
    const done = performance.now();
    console.log(
      `${stdout.trim()}: created in ${(created - begun).toFixed(0)} ms, answered in ${(done - created).toFixed(0)} ms`,
    );
    await vm.delete();
  }
  const [pool] = await bandsox.pools.list();
  console.log(`taken from the pool: ${pool?.hits}, made anew: ${pool?.misses}`);
} finally {
  await bandsox.pools.remove(image);
}
