/**
 * Which stretch of time a page shows, as its address says it:
 *
 *     ?window=1h                        up to now
 *     ?shift=night&day=2026-11-20       one shift of the calendar, by the day it starts on
 *     ?start=1763600400000&stop=…       from … to …, milliseconds
 *     &product=bracket-a                only what was made of this product
 *
 * The address is the one place where the choice is kept, so every part of a page follows it and it can be passed on.
 */
import { WINDOWS, type Asked, type Period, type WindowName } from '../api'
import { momentIn } from './zoned'
import type { Range } from './zoom'

/** The parameters of an address, as the router gives them. */
export type Address = Readonly<Record<string, unknown>>

export const LENGTH_MS: Readonly<Record<WindowName, number>> = {
  '15min': 900_000,
  '1h': 3_600_000,
  '8h': 28_800_000,
  shift: 28_800_000,
}
export const LONGEST_MS = 32 * 86_400_000
const SHORTEST_MS = 60_000
const DAY = /^\d{4}-\d\d-\d\d$/

const one = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What an address asks for; what cannot be read is the last quarter of an hour. */
export function periodOf(address: Address): Period {
  const [shift, day] = [one(address['shift']), one(address['day'])]
  if (shift && DAY.test(day)) return { shift, day }
  const [start, stop] = [Number(one(address['start'])), Number(one(address['stop']))]
  if (start > 0 && stop > start && stop - start <= LONGEST_MS) return { start, stop }
  return { window: WINDOWS.find((name) => name === address['window']) ?? '15min' }
}

export const productOf = (address: Address): string => one(address['product'])

export function askedOf(address: Address): Exclude<Asked, WindowName> {
  const product = productOf(address)
  return product ? { ...periodOf(address), product } : periodOf(address)
}

/** The parameters for a period; those of every other kind are taken away. */
export function inAddress(period: Period): Record<string, string | undefined> {
  const none = { window: undefined, shift: undefined, day: undefined, start: undefined, stop: undefined }
  const chosen = Object.entries(period).map(([name, value]) => [name, String(value)] as const)
  return { ...none, ...Object.fromEntries(chosen) }
}

/** Whether it is over: nothing in it changes any more. */
export const isPast = (period: Period): boolean => !('window' in period)

export function samePeriod(a: Period, b: Period): boolean {
  return JSON.stringify(inAddress(a)) === JSON.stringify(inAddress(b))
}

/** Why two wall-clock times are no window; a key under `period.fault` in the locale files. */
export type Fault = 'no-time' | 'order' | 'too-short' | 'too-long' | 'future'

/** Read a window that somebody typed in, as clocks in `zone` show it. */
export function readSpan(zone: string, typed: { start: string; stop: string }, now: number): Range | Fault {
  const [start, stop] = [momentIn(zone, typed.start), momentIn(zone, typed.stop)]
  if (Number.isNaN(start) || Number.isNaN(stop)) return 'no-time'
  if (stop <= start) return 'order'
  if (stop - start < SHORTEST_MS) return 'too-short'
  if (stop - start > LONGEST_MS) return 'too-long'
  return stop > now + SHORTEST_MS ? 'future' : { start, stop }
}

/** A moment as a field for date and time wants it: `2026-11-21T08:00`, as clocks in `zone` show it. */
export function wallTime(zone: string, moment: number): string {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return parts.format(moment).replace(' ', 'T')
}

/** One shift that takes place, as the server lists it. */
export interface Shift extends Range {
  shift: string
  day: string
}

/** The shift right before the one that begins at `start`, of those listed. */
export function shiftBefore<T extends Shift>(shifts: readonly T[], start: number): T | null {
  return shifts
    .filter((one) => one.stop <= start)
    .reduce<T | null>((last, one) => (one.stop > (last?.stop ?? 0) ? one : last), null)
}

/** `2026-03-01` a number of days earlier: days of the calendar, not of 24 hours. */
export function dayBefore(day: string, days: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10)
}
