import { expect, test } from "vitest";
import { parseKernelDepends } from "./distribution-kernel.ts";

test("reads the kernel package a Debian meta package depends on", () => {
  const output = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
  expect(parseKernelDepends(output)).toEqual(["linux-image-6.1.0-56-cloud-amd64"]);
});

test("reads image and modules of an Ubuntu package, and nothing else", () => {
  const output = `linux-image-6.8.0-90-generic
 |Depends: kmod
  Depends: linux-modules-6.8.0-90-generic
  PreDepends: linux-base
 |Recommends: grub-pc
  Suggests: linux-image-extra-6.8.0-90-generic
  Conflicts: linux-image-unsigned-6.8.0-90-generic
`;
  expect(parseKernelDepends(output)).toEqual(["linux-modules-6.8.0-90-generic"]);
});
