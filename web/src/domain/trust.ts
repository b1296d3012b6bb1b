/**
 * Whether a value on the screen may be believed, and if not, why, in words.
 *
 * The page never shows a value fresher or better than it is: what the server calls bad is grey,
 * and so is everything when the page itself has lost the server.
 */
import type { Tag, Value } from '../api'
import { qualityCode, qualityWord, severity } from './quality'

/** The newest that is known of one tag; times in ms. */
export interface Reading {
  readonly value: Value
  readonly quality: number
  readonly time: number
  readonly received: number
  readonly origin: number
  /** Source time from which on the quality has been what it is, as far as this page has seen. */
  readonly since: number
}

/** When the page last heard of the server, and whether it still does. */
export interface Link {
  readonly up: boolean
  readonly lastHeard: number
}

export type Level = 'good' | 'uncertain' | 'bad' | 'waiting'

export interface Trust {
  readonly level: Level
  /** Key of the words under `reason.` in the locale files; empty when there is nothing to say. */
  readonly reason: string
  /** Key under `quality.` when the reason is the device's own StatusCode. */
  readonly quality: string
  readonly code: string
  /** Since when it is so, ms; 0 where unknown. */
  readonly since: number
  /** Seconds that the reason speaks of, e.g. how far a clock is off. */
  readonly seconds: number
}

/** Bits of `origin`: who made the sample. */
export const SIMULATED = 1

/** The server says so itself at `stale_after`; the page waits this much longer before it does. */
const STALE_GRACE_MS = 2000
/** A device whose stamps lie further in the future has a clock to be set. */
const CLOCK_TOLERANCE_MS = 1500

const GOOD: Trust = { level: 'good', reason: '', quality: '', code: '', since: 0, seconds: 0 }

export function judge(reading: Reading | undefined, tag: Pick<Tag, 'stale_after'>, now: number, link: Link): Trust {
  if (!link.up) return { ...GOOD, level: 'bad', reason: 'page-offline', since: link.lastHeard }
  if (reading === undefined || (reading.value === null && reading.time <= 0)) {
    return { ...GOOD, level: 'waiting', reason: 'no-data-yet' }
  }
  const level = severity(reading.quality)
  if (level === 'bad') {
    const named = { quality: qualityWord(reading.quality), code: qualityCode(reading.quality) }
    return { ...GOOD, ...named, level, reason: 'quality', since: reading.since }
  }
  const heard = Math.max(reading.time, reading.received)
  if (tag.stale_after > 0 && now - heard > tag.stale_after * 1000 + STALE_GRACE_MS) {
    return { ...GOOD, level: 'bad', reason: 'silent', since: heard }
  }
  if (level === 'uncertain') {
    const named = { quality: qualityWord(reading.quality), code: qualityCode(reading.quality) }
    return { ...GOOD, ...named, level, reason: 'quality', since: 0 }
  }
  const ahead = reading.time - reading.received
  if (ahead > CLOCK_TOLERANCE_MS) {
    return { ...GOOD, level: 'uncertain', reason: 'clock-ahead', seconds: Math.round(ahead / 1000) }
  }
  return GOOD
}

export function isSimulated(reading: Reading | undefined, tag: Pick<Tag, 'simulated'>): boolean {
  return tag.simulated || ((reading?.origin ?? 0) & SIMULATED) !== 0
}
