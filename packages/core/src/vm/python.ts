/** Source up to this size is one argument; Linux refuses arguments of 128 KiB. */
const CHUNK_MAX_BYTES = 65_536;

/** Joins the arguments and runs them as `-c` would: in `__main__`, with `sys.argv` and the names as they were. */
const JOIN_AND_RUN =
  "exec(compile((lambda argv: (''.join(argv[1:]), argv.__delitem__(slice(1, None)))[0])" +
  "(__import__('sys').argv), '<string>', 'exec'))";

/**
 * The command that runs Python source: passed as arguments, so nothing is quoted, written or left behind. Of all
 * arguments together Linux takes 2 MiB, the environment included.
 */
export function pythonArgv(code: string): string[] {
  if (Buffer.byteLength(code) <= CHUNK_MAX_BYTES) return ["python3", "-c", code];
  return ["python3", "-c", JOIN_AND_RUN, ...chunksOf(code)];
}

/** Cuts text where no character is, into parts of at most `CHUNK_MAX_BYTES`. */
function* chunksOf(text: string): Generator<string> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; ) {
    let end = Math.min(bytes.length, start + CHUNK_MAX_BYTES);
    while (isInsideCharacter(bytes[end])) end--;
    yield bytes.toString("utf8", start, end);
    start = end;
  }
}

/** Whether a byte of UTF-8 goes on with the character before it. */
function isInsideCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
