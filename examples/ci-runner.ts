// A CI runner: a job file's steps in a VM of its own, output as it comes, artefacts brought back, nothing left.
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
const job = {
  source: import.meta.dirname,
  steps: [
    "ls *.ts | wc -l > count.txt",
    "python3 -c \"print('built', open('count.txt').read().strip(), 'files')\"",
  ],
  artefacts: "count.txt",
};

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image, { memMib: 512, timeoutMs: 15 * 60_000, onTimeout: "delete" });
try {
  await vm.files.uploadTree(job.source, "/job", { exclude: ["node_modules/**"] });
  for (const step of job.steps) {
    console.log(`$ ${step}`);
    for await (const event of vm.execStream(step, { cwd: "/job" })) {
      if (event.type === "stdout") process.stdout.write(event.data);
      if (event.type === "stderr") process.stderr.write(event.data);
      if (event.type === "exit" && event.exitCode !== 0)
        throw new Error(`the step ended with ${event.exitCode}`);
    }
  }
  const here = await mkdtemp(join(tmpdir(), "artefacts-"));
  await vm.files.downloadFile(`/job/${job.artefacts}`, join(here, job.artefacts));
  console.log(`artefact: ${(await readFile(join(here, job.artefacts), "utf8")).trim()} in ${here}`);
} finally {
  await vm.delete();
}
