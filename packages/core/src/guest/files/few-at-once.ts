/** Runs tasks that have names beside each other, a few at a time. The first failure is told to whoever comes next. */
export class FewAtOnce implements AsyncDisposable {
  readonly #limit: number;
  readonly #running = new Map<string, Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves once the task runs. One of the same name is waited for before. @throws what an earlier task met */
  async begin(name: string, task: () => Promise<void>): Promise<void> {
    await this.#running.get(name);
    while (this.#running.size >= this.#limit) await Promise.race(this.#running.values());
    this.#demandNoFailure();
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, running);
  }

  /** Resolves once the task of a name is over, if there is one. @throws what an earlier task met */
  async settle(name: string): Promise<void> {
    await this.#running.get(name);
    this.#demandNoFailure();
  }

  /** Resolves once all tasks are over. @throws what one of them met */
  async settleAll(): Promise<void> {
    await this[Symbol.asyncDispose]();
    this.#demandNoFailure();
  }

  /** Resolves once no task runs any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #demandNoFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
