/**
 * A tag's recent past on a fixed grid of time buckets, first from history, then from the live feed.
 *
 * The number of buckets never grows: a page left open for a month holds as much as one just
 * opened, and live samples look exactly like the history beside them (min, max, mean).
 */
import type { History } from '../api'

export interface Span {
  start: number
  stop: number
  buckets: number
}

/** The grid for a window that ends now: whole steps, the last one still filling. */
export function gridFor(now: number, length: number, buckets: number): Span & { step: number } {
  const step = Math.max(1000, Math.ceil(length / buckets / 1000) * 1000)
  const stop = (Math.floor(now / step) + 1) * step
  const count = Math.max(2, Math.round(length / step))
  return { start: stop - count * step, stop, buckets: count, step }
}

type Point = [time: number, value: number | null]

export interface Curves {
  mean: Point[]
  low: Point[]
  /** Distance from low to high, as stacked areas want it. */
  spread: Point[]
}

export class Trend {
  readonly #step: number
  readonly #size: number
  /** Bucket number (time ÷ step) of slot 0's current occupant is implied: slot = number mod size. */
  readonly #number: Float64Array
  readonly #minimum: Float64Array
  readonly #maximum: Float64Array
  readonly #sum: Float64Array
  readonly #count: Float64Array
  readonly #bad: Uint8Array
  #newest = -Infinity

  constructor(step: number, size: number) {
    this.#step = step
    this.#size = size
    this.#number = new Float64Array(size).fill(-1)
    this.#minimum = new Float64Array(size)
    this.#maximum = new Float64Array(size)
    this.#sum = new Float64Array(size)
    this.#count = new Float64Array(size)
    this.#bad = new Uint8Array(size)
  }

  /** Take in what the server knew; buckets that live samples already began are kept. */
  load(history: History): void {
    history.start.forEach((start, i) => {
      const mean = history.mean[i] ?? null
      const heard = (history.count[i] ?? 0) > 0
      const slot = this.#slot(start)
      if (slot < 0 || this.#count[slot]! > 0) return
      if (mean === null) {
        this.#bad[slot] = heard ? 1 : 0
        return
      }
      const weight = Math.max(1, history.usable[i] ?? 1)
      this.#count[slot] = weight
      this.#sum[slot] = mean * weight
      this.#minimum[slot] = history.minimum[i] ?? mean
      this.#maximum[slot] = history.maximum[i] ?? mean
    })
  }

  /** Take in one live sample; `null` marks that what came could not be used. */
  add(time: number, value: number | null): void {
    const slot = this.#slot(time)
    if (slot < 0) return
    if (value === null || !Number.isFinite(value)) {
      this.#bad[slot] = 1
      return
    }
    const empty = this.#count[slot] === 0
    this.#minimum[slot] = empty ? value : Math.min(this.#minimum[slot]!, value)
    this.#maximum[slot] = empty ? value : Math.max(this.#maximum[slot]!, value)
    this.#sum[slot]! += value
    this.#count[slot]! += 1
  }

  /**
   * Curves over the window that ends at `now`. Buckets without a sample are bridged for as long as
   * the tag may be silent; beyond that, and where data was bad, the curve is broken.
   */
  curves(now: number, staleAfter: number): Curves {
    const last = Math.floor(now / this.#step)
    const bridge = Math.max(1, Math.ceil((staleAfter * 1000) / this.#step))
    const curves: Curves = { mean: [], low: [], spread: [] }
    const put = (time: number, mean: number | null, low: number | null, spread: number | null) => {
      curves.mean.push([time, mean])
      curves.low.push([time, low])
      curves.spread.push([time, spread])
    }
    let drawn = -Infinity
    for (let number = last - this.#size + 1; number <= last; number++) {
      const slot = mod(number, this.#size)
      const time = number * this.#step + this.#step / 2
      if (this.#number[slot] !== number) continue
      if (this.#count[slot]! > 0) {
        if (number - drawn > bridge && drawn > -Infinity) put(time - this.#step / 2, null, null, null)
        const low = this.#minimum[slot]!
        put(time, this.#sum[slot]! / this.#count[slot]!, low, this.#maximum[slot]! - low)
        drawn = number
      } else if (this.#bad[slot]) {
        put(time, null, null, null)
      }
    }
    return curves
  }

  /** Slot for a time, cleared when it held an older bucket; -1 when the time is too old to show. */
  #slot(time: number): number {
    const number = Math.floor(time / this.#step)
    if (number <= this.#newest - this.#size) return -1
    const slot = mod(number, this.#size)
    if (this.#number[slot] !== number) {
      this.#number[slot] = number
      this.#count[slot] = this.#sum[slot] = this.#bad[slot] = 0
    }
    if (number > this.#newest) this.#newest = number
    return slot
  }
}

const mod = (n: number, size: number) => ((n % size) + size) % size
