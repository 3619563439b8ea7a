/**
 * A glob as an expression over whole relative paths. `*` and `?` stay within a name, `**` in a name's place is any
 * number of names, `[a-z]` and `[!a-z]` are one character of a name, `{a,b}` is either, `\` takes the meaning of the
 * character after it. A glob without `/` matches a name at any depth, one with `/` in front a name at the top; a `/` at
 * the end means nothing. The guest's agent reads globs the same way (`agent/internal/glob`, one table of cases).
 *
 * @throws {RangeError} for what is no glob, e.g. an unclosed `[` or `{`
 */
export function globToRegExp(glob: string): RegExp {
  const trimmed = glob.replace(/\/+$/, "");
  const body = trimmed.replace(/^\//, "");
  if (body === "") throw new RangeError("it is empty");
  const parser = new GlobParser([...body]);
  const anyDepth = trimmed.includes("/") ? "" : "(?:.*/)?";
  return new RegExp(`^${anyDepth}${parser.parse()}$`, "su");
}

/** Whether `globToRegExp` takes a text. */
export function isGlob(text: string): boolean {
  try {
    globToRegExp(text);
    return true;
  } catch {
    return false;
  }
}

const SPECIAL = /[\\^$.*+?()[\]{}|/-]/;
const SLASH = "/";

/** Reads a glob from left to right, one character of it at a time. */
class GlobParser {
  readonly #glob: readonly string[];
  #at = 0;

  constructor(glob: readonly string[]) {
    this.#glob = glob;
  }

  parse(): string {
    const expression = this.#sequence(0);
    if (this.#at < this.#glob.length) throw new RangeError("a } has no {");
    return expression;
  }

  /** Up to the end, or within braces up to the `,` or `}` that ends an alternative. */
  #sequence(depth: number): string {
    let expression = "";
    let startsName = true;
    for (;;) {
      const character = this.#glob[this.#at];
      if (character === undefined || character === "}" || (depth > 0 && character === ",")) return expression;
      const [part, startsNext] = this.#part(character, { startsName, depth });
      expression += part;
      startsName = startsNext;
    }
  }

  /** Translates what begins here, and tells whether a name begins after it. */
  #part(
    character: string,
    { startsName, depth }: { startsName: boolean; depth: number },
  ): [part: string, startsName: boolean] {
    if (character === SLASH && this.#isNamesAt(this.#at + 1, depth) && this.#endsAt(this.#at + 3, depth)) {
      this.#at += 3;
      return ["(?:/.*)?", false];
    }
    if (startsName && this.#isNamesAt(this.#at, depth)) {
      const ends = this.#endsAt(this.#at + 2, depth);
      this.#at += ends ? 2 : 3;
      return [ends ? ".*" : "(?:.*/)?", !ends];
    }
    this.#at += 1;
    if (character === "*") return ["[^/]*", false];
    if (character === "?") return ["[^/]", false];
    if (character === "[") return [this.#set(), false];
    if (character === "{") return [this.#alternatives(depth), false];
    return [literal(character === "\\" ? this.#next("a \\ ends it") : character), character === SLASH];
  }

  /** Whether `**` stands here in a name's place: at the end, or before a `/`. */
  #isNamesAt(at: number, depth: number): boolean {
    const isDouble = this.#glob[at] === "*" && this.#glob[at + 1] === "*";
    return isDouble && (this.#glob[at + 2] === SLASH || this.#endsAt(at + 2, depth));
  }

  #endsAt(at: number, depth: number): boolean {
    const character = this.#glob[at];
    return character === undefined || (depth > 0 && (character === "," || character === "}"));
  }

  #alternatives(depth: number): string {
    const alternatives = [this.#sequence(depth + 1)];
    for (;;) {
      const character = this.#next("a { is not closed");
      if (character === "}") return `(?:${alternatives.join("|")})`;
      alternatives.push(this.#sequence(depth + 1));
    }
  }

  /** A set, after its `[`. A `/` is in none of them. */
  #set(): string {
    const negated = this.#glob[this.#at] === "!" || this.#glob[this.#at] === "^";
    if (negated) this.#at += 1;
    let members = negated ? SLASH : "";
    let isEmpty = true;
    for (let character = this.#member(); character !== undefined; character = this.#member()) {
      isEmpty = false;
      members += range(character, this.#rangeEnd() ?? character, negated);
    }
    if (isEmpty) throw new RangeError("a [] is empty");
    return `[${negated ? "^" : ""}${members}]`;
  }

  /** The next member of a set, or `undefined` at its end. */
  #member(): string | undefined {
    const character = this.#next("a [ is not closed");
    if (character === "]") return undefined;
    return character === "\\" ? this.#next("a [ is not closed") : character;
  }

  #rangeEnd(): string | undefined {
    if (this.#glob[this.#at] !== "-" || this.#glob[this.#at + 1] === "]") return undefined;
    this.#at += 1;
    return this.#member();
  }

  #next(otherwise: string): string {
    const character = this.#glob[this.#at++];
    if (character === undefined) throw new RangeError(otherwise);
    return character;
  }
}

function literal(character: string): string {
  return SPECIAL.test(character) && character !== SLASH && character !== "-" ? `\\${character}` : character;
}

/** Members of a set from one character to another, with a way round the `/` between them. */
function range(from: string, to: string, negated: boolean): string {
  const [first, last] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
  if (first > last) throw new RangeError(`${from}-${to} goes backwards`);
  const slash = SLASH.charCodeAt(0);
  if (negated || slash < first || slash > last) return between(first, last);
  if (first === slash && last === slash) throw new RangeError("a set has a /");
  return `${first < slash ? between(first, slash - 1) : ""}${last > slash ? between(slash + 1, last) : ""}`;
}

function between(first: number, last: number): string {
  const code = (point: number) => `\\u{${point.toString(16)}}`;
  return first === last ? code(first) : `${code(first)}-${code(last)}`;
}
