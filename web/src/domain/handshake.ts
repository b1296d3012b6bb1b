/** Hand-shakes as they are drawn: who speaks to whom, how long each word took, and which were slow or missed. */
import type { HandOver, Pair } from '../api-places'

export interface Arrow {
  word: string
  /** The giver speaks first, then both in turn. */
  from: 'giver' | 'receiver'
  seconds: number | null
  slow: boolean
}

/** So many times as long as usual is slow; the tail of the delay is what a line waits for. */
const SLOW = 3
/** Below this, s, nothing is slow: it cannot be seen in a takt of seconds. */
const NEVER_SLOW = 0.005

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? null) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** How long each word usually takes between two machines. */
export function usual({ words, hand_overs }: Pair): Record<string, number | null> {
  const of = (word: string) => hand_overs.map((one) => one.words[word] ?? null).filter((seconds) => seconds !== null)
  return Object.fromEntries(words.map((word) => [word, median(of(word))]))
}

export function arrowsOf(pair: Pair, one: HandOver): Arrow[] {
  const normal = usual(pair)
  return pair.words.map((word, turn) => {
    const seconds = one.words[word] ?? null
    const limit = Math.max(NEVER_SLOW, SLOW * (normal[word] ?? Infinity))
    return { word, from: turn % 2 === 0 ? 'giver' : 'receiver', seconds, slow: seconds !== null && seconds > limit }
  })
}

export const isSlow = (pair: Pair, one: HandOver): boolean => arrowsOf(pair, one).some((arrow) => arrow.slow)

/** What of a hand-shake its words do not account for, s: waiting between them. */
export function between(one: HandOver): number {
  const spoken = Object.values(one.words).reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0)
  return Math.max(0, (one.seconds ?? 0) - spoken)
}

/** The longest hand-shake of several pairs: what bars are drawn against. */
export function longest(pairs: readonly Pair[]): number {
  return Math.max(0, ...pairs.flatMap((pair) => pair.hand_overs.map((one) => one.seconds ?? 0)))
}

/** `0.00164` → `1.64 ms`, `0.42` → `420 ms`, `2.5` → `2.5 s`. */
export function scaled(seconds: number): { value: number; unit: 'ms' | 's' } {
  return seconds < 1 ? { value: seconds * 1000, unit: 'ms' } : { value: seconds, unit: 's' }
}
