/** A system that runs commands in virtual machines of its own, as far as it is compared. */
export interface System {
  readonly name: string;
  readonly version: string;
  /** Makes a machine whose root is that directory. */
  create(rootDir: string): Promise<Machine>;
}

/** One machine of a system. */
export interface Machine {
  /** Runs a program to its end. @returns what it printed */
  run(argv: readonly [string, ...string[]]): Promise<string>;
  upload(from: string, to: string): Promise<void>;
  download(from: string, to: string): Promise<void>;
  remove(): Promise<void>;
}
