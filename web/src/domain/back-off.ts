/**
 * How long to wait before the next try: doubling, capped, and spread by chance over the upper half, so that
 * a hall of screens does not knock at once.
 */
export class BackOff {
  #tries = 0

  constructor(
    private readonly first = 500,
    private readonly longest = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const ceiling = Math.min(this.longest, this.first * 2 ** this.#tries++)
    return Math.round(ceiling * (0.5 + 0.5 * this.random()))
  }

  reset(): void {
    this.#tries = 0
  }
}
