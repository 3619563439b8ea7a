import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** What OWASP asks of argon2id at least: 19 MiB, two passes. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const TAG_BYTES = 32;
const SALT_BYTES = 16;

const derive = promisify(argon2);

/** A password as it is kept, in the PHC format: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await tagOf(password, { nonce, ...COST });
  const cost = `m=${COST.memory},t=${COST.passes},p=${COST.parallelism}`;
  return `$argon2id$v=19$${cost}$${unpadded(nonce)}$${unpadded(tag)}`;
}

/** Whether a password is the one that was kept; takes the same time either way. */
export async function isPassword(password: string, kept: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$([^$]+)\$([^$]+)$/.exec(kept);
  if (!match) throw new Error("the kept password is not in the format $argon2id$v=19$…");
  const [memory = 0, passes = 0, parallelism = 0] = match.slice(1, 4).map(Number);
  const [nonce, expected] = match.slice(4).map((text) => Buffer.from(text, "base64"));
  if (!nonce || !expected) return false;
  const found = await tagOf(password, { nonce, memory, passes, parallelism });
  return found.length === expected.length && timingSafeEqual(found, expected);
}

type Parameters = { nonce: Buffer; memory: number; passes: number; parallelism: number };

function tagOf(password: string, parameters: Parameters): Promise<Buffer> {
  return derive("argon2id", {
    message: Buffer.from(password.normalize("NFC")),
    tagLength: TAG_BYTES,
    ...parameters,
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
