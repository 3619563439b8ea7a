// A guest reaches the Internet by name. BANDSOX_VERIFY_INTERNET names a host to reach (default: example.com).
import { lookup } from "node:dns/promises";
import { Skip, verify } from "./verification.ts";

const HOST = process.env.BANDSOX_VERIFY_INTERNET ?? "example.com";

await verify(async ({ bandsox, image, own, step, expect }) => {
  await lookup(HOST).catch((error: Error) => {
    throw new Skip(`this machine itself does not reach the Internet: ${error.message}`);
  });
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  if (!(await vm.info()).network)
    throw new Skip("VMs of this machine have no network; `bandsox doctor` tells why");
  await step(`${HOST} answers by HTTP`, async () => {
    const ask = `import urllib.request; print(urllib.request.urlopen("http://${HOST}", timeout=20).status)`;
    const { stdout, stderr } = await vm.execPythonCapture(ask);
    expect(stdout || stderr, "200\n");
  });
});
