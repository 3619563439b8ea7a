// An agent tries steps; one that breaks its world is taken back, memory and disk, and it goes on from before.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
/** What a model might propose; the second one is a mistake */
const STEPS = [
  "mkdir -p /project && echo 'answer = 42' > /project/main.py",
  "rm -rf /project && exit 1",
  "echo 'print(answer)' >> /project/main.py && python3 /project/main.py",
];

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image);
try {
  for (const step of STEPS) {
    const before = await vm.snapshot();
    const { exitCode, output } = await vm.exec(step);
    if (exitCode !== 0) await vm.rollback(before.id);
    await bandsox.snapshots.delete(before.id, { force: true });
    console.log(`${exitCode === 0 ? "kept" : "taken back"}: ${step}${output ? ` → ${output.trim()}` : ""}`);
  }
  console.log(await vm.files.readText("/project/main.py"));
} finally {
  await vm.delete();
}
