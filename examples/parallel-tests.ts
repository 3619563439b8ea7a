// A test suite in parallel: set up once, fork a VM for each part, gather what failed.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
const PARTS = [
  "assert sum(range(10)) == 45",
  "assert 'ok'.upper() == 'OK'",
  "assert 1 + 1 == 3, 'arithmetic'",
];

await using bandsox = new BandSox();
const prepared = await bandsox.createVm(image);
try {
  await prepared.exec("echo 'set up once' > /fixture");
  const children = await prepared.fork({ count: PARTS.length });
  const results = await Promise.all(
    children.map(async (child, index) => {
      if ("error" in child) throw child.error;
      try {
        const code = `assert open('/fixture').read() == 'set up once\\n'; ${PARTS[index]}`;
        return await child.vm.exec(["python3", "-c", code]);
      } finally {
        await child.vm.delete();
      }
    }),
  );
  for (const [index, { exitCode, stderr }] of results.entries())
    console.log(exitCode === 0 ? `pass ${index}` : `FAIL ${index}: ${stderr.trim().split("\n").at(-1)}`);
} finally {
  await prepared.delete();
}
