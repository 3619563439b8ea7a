// A guest reaches its gateway and resolves names; what its policy denies is refused at once, and told.
import { Skip, verify } from "./verification.ts";

await verify(async ({ bandsox, image, own, step, expect }) => {
  const vm = own(await step(`create a VM from ${image}`, () => bandsox.createVm(image)));
  const { network } = await vm.info();
  if (!network) throw new Skip("VMs of this machine have no network; `bandsox doctor` tells why");
  await step("the guest has an address and a way out", async () => {
    const { stdout } = await vm.exec("cat /proc/net/route");
    expect(/\t00000000\t/.test(stdout), true);
  });
  await step("the metadata service of clouds is out of reach", async () => {
    const connect = "import socket; socket.create_connection(('169.254.169.254', 80), 5)";
    const { success } = await vm.execPythonCapture(connect);
    expect(success, false);
    const decisions = await vm.network.decisions();
    expect(
      decisions.some((one) => JSON.stringify(one).includes("169.254.169.254")),
      true,
    );
  });
});
