const MIB_PER_UNIT = { m: 1, g: 1024 } as const;

/** A whole number in decimal. @throws {RangeError} */
export function parseWholeNumber(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new RangeError("it is not a whole number");
  return Number(text);
}

/** A size in MiB: `512`, `512m`, `512MiB`, `2g`, `2GiB`. @throws {RangeError} */
export function parseMib(text: string): number {
  const match = /^([0-9]{1,12})(?:([mg])(?:i?b)?)?$/i.exec(text);
  if (!match) throw new RangeError("it is not a size: give MiB, or a number with m or g");
  const unit = match[2]?.toLowerCase() as keyof typeof MIB_PER_UNIT | undefined;
  return Number(match[1]) * (unit ? MIB_PER_UNIT[unit] : 1);
}

/** `NAME=value`. @throws {RangeError} */
export function parseAssignment(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new RangeError("it is not of the form NAME=value");
  return [text.slice(0, at), text.slice(at + 1)];
}

/** A duration in ms: `1500ms`, `30s`, `5m`, `2h`; a bare number is seconds. @throws {RangeError} */
export function parseDurationMs(text: string): number {
  const match = /^([0-9]{1,9})(ms|s|m|h)?$/.exec(text);
  if (!match) throw new RangeError("it is not a duration: give seconds, or a number with ms, s, m or h");
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[(match[2] ?? "s") as "ms" | "s" | "m" | "h"];
  return Number(match[1]) * factor;
}

/** A directory's path. Nothing given is refused: an unset variable in a script must not mean "here". @throws {RangeError} */
export function parseDirectory(text: string): string {
  if (text === "") throw new RangeError("it is empty");
  return text;
}

const PORT_MAX = 65_535;

/** `[host:]guest`, two TCP ports; without `host` any free port of this machine is meant. @throws {RangeError} */
export function parsePortPair(text: string): { host: number; guest: number } {
  const match = /^(?:([0-9]{1,5}):)?([0-9]{1,5})$/.exec(text);
  const [host, guest] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (!match || guest < 1 || guest > PORT_MAX || host > PORT_MAX) {
    throw new RangeError("it is not of the form [host:]guest with ports up to 65535");
  }
  return { host, guest };
}

/** A TCP port a server listens at. @throws {RangeError} */
export function parsePort(text: string): number {
  const port = parseWholeNumber(text);
  if (port < 1 || port > PORT_MAX) throw new RangeError(`a port is from 1 to ${PORT_MAX}`);
  return port;
}
