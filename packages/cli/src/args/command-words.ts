/**
 * The command a user gave after a VM or an image. One `--` before it ends our own options, as in
 * `exec my-vm -- ls -l`: option parsing leaves it in place behind a first argument, and it is no program's name.
 */
export function commandWords(words: readonly string[]): string[] {
  return words[0] === "--" ? words.slice(1) : [...words];
}
