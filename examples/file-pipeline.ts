// A pipeline of files: each is worked on by a hostile-proof converter, as a stream of stdin to stdout.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
const CONVERT = "import sys, csv, json; json.dump(list(csv.DictReader(sys.stdin)), sys.stdout)";
const FILES = { "people.csv": "name,age\nAda,36\nAlan,41\n", "empty.csv": "name\n" };

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image, { networking: false });
try {
  for (const [name, content] of Object.entries(FILES)) {
    const { exitCode, stdout, stderr } = await vm.exec(["python3", "-c", CONVERT], { stdin: content });
    console.log(name, exitCode === 0 ? JSON.parse(stdout) : stderr);
  }
} finally {
  await vm.delete();
}
