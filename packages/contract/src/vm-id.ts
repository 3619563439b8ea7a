import { z } from "zod";

/** A VM's identity: `vm_` and twelve characters, opaque, never reused. */
export const VmId = z
  .string()
  .regex(/^vm_[0-9a-z]{12}$/, "a VM id is `vm_` and twelve lower-case letters or digits")
  .brand("VmId");
export type VmId = z.infer<typeof VmId>;

/** The characters a VM id is drawn from, without those people confuse. */
export const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** The form of every name a user gives: a host name's. */
export const NameForm = z
  .string()
  .min(1, "a name has at least one character")
  .max(63, "a name has at most 63 characters")
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    "a name has letters, digits, `.`, `_` and `-`, and starts and ends with a letter or digit",
  );

/** A name a user gives a VM; also its guest's host name. */
export const VmName = NameForm.refine(
  (name) => !name.startsWith("vm_"),
  "a name does not start with `vm_`, as ids do",
);
