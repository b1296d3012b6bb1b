/**
 * A replay's frames on their way to the page: asked for piece by piece, given out as the replay's time reaches them.
 *
 *     fetched  ├─ given ─┼─ at ─┼──── to come ────┤            wanted: the next piece, when little is to come
 */
import type { Frame } from '../api'
import type { Range } from './zoom'

export const SPEEDS = [1, 2, 5, 10, 30, 60] as const
export type Speed = (typeof SPEEDS)[number]

/** How often the page moves on, ms. */
export const BEAT_MS = 250
/** Pieces of so many frames are asked for: a quarter of a minute in front of the screen, at any speed. */
const FRAMES_AT_ONCE = 60

/** How much of the past one frame covers at a speed, ms. */
export const stepOf = (speed: Speed): number => BEAT_MS * speed

export interface Piece {
  start: number
  stop: number
  step: number
}

export class Reel {
  #frames: Frame[] = []
  /** Where the frames that are here end. */
  #end: number

  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {
    this.#end = start
  }

  /** What to ask for next; null while enough is here, or all. */
  wanted(at: number): Piece | null {
    const piece = this.step * FRAMES_AT_ONCE
    if (this.#end >= this.stop || this.#end - at > piece / 2) return null
    return { start: this.#end, stop: Math.min(this.stop, this.#end + piece), step: this.step }
  }

  /** Take in a piece; the snapshot that begins it is what was here already, except at the very beginning. */
  add(piece: Piece, frames: readonly Frame[]): void {
    if (piece.start !== this.#end) return
    this.#frames.push(...(piece.start === this.start ? frames : frames.filter((frame) => !frame.snapshot)))
    this.#end = piece.stop
  }

  /** The frames that are due by `moment`, each given once. */
  due(moment: number): Frame[] {
    const later = this.#frames.findIndex((frame) => frame.now > moment)
    return this.#frames.splice(0, later < 0 ? this.#frames.length : later)
  }

  /** Whether time cannot go on before another piece is here. */
  get dry(): boolean {
    return this.#frames.length === 0 && this.#end < this.stop
  }

  /** Whether everything was given. */
  get over(): boolean {
    return this.#frames.length === 0 && this.#end >= this.stop
  }
}

const LONGEST_MS = 24 * 3_600_000

/** From when to when an address asks to play; null where it says nothing that has happened. */
export function replayRange(address: Readonly<Record<string, unknown>>, now: number): Range | null {
  const [start, stop] = [Number(address['from']), Math.min(Number(address['to']), now)]
  return start > 0 && stop - start >= 1000 && stop - start <= LONGEST_MS ? { start, stop } : null
}

/** The speed of an address, else the slowest. */
export const speedOf = (text: unknown): Speed => SPEEDS.find((speed) => String(speed) === text) ?? 1
