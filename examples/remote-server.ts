// The same calls over the network: a server of this machine here, any other by BANDSOX_URL and BANDSOX_API_KEY.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
const url = process.env.BANDSOX_URL ?? "http://127.0.0.1:8000";
const apiKey = process.env.BANDSOX_API_KEY;

await using bandsox = new BandSox(url, apiKey ? { apiKey } : {});
const vm = await bandsox.createVm(image);
try {
  for await (const event of vm.execStream("for i in 1 2 3; do echo $i; done"))
    if (event.type === "stdout") process.stdout.write(event.data);
  const [child] = await vm.fork();
  if (child && "vm" in child) {
    console.log(`forked ${child.vm.id}`);
    await child.vm.delete();
  }
} finally {
  await vm.delete();
}
