/** Numbers, ages, times and units as people of either language read them. */
import type { Tag, Text, Value } from '../api'

export type Language = 'zh-CN' | 'en'

export const NOTHING = '—'

/** The words for a language, or the other language's where these are missing. */
export function wordsOf(text: Text | undefined, language: Language): string {
  if (!text) return ''
  return language === 'en' ? text.en || text.zh : text.zh || text.en
}

const formats = new Map<string, Intl.NumberFormat>()

function format(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options)
  let found = formats.get(key)
  if (!found) formats.set(key, (found = new Intl.NumberFormat(language, options)))
  return found
}

/** Decimals worth showing: those the deadband resolves, else enough for three significant digits. */
export function decimalsFor(value: number, deadband = 0): number {
  if (deadband > 0) return Math.min(6, Math.max(0, Math.ceil(-Math.log10(deadband) - 1e-9)))
  if (Number.isInteger(value)) return 0
  return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
}

export function formatNumber(value: number, language: Language, decimals = decimalsFor(value)): string {
  if (!Number.isFinite(value)) return NOTHING
  return format(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value)
}

/** A number on an axis: no more decimals than it has. */
export function formatTick(value: number, language: Language): string {
  return format(language, { maximumSignificantDigits: 6 }).format(value)
}

/** What of a tag decides how its values are written. */
export type Written = Pick<Tag, 'kind' | 'role' | 'unit' | 'deadband'>

/** One live value; what is counted is never given decimals it does not have. */
export function formatValue(value: Value, tag: Written, language: Language): string {
  if (value === null) return NOTHING
  if (typeof value !== 'number') return String(value)
  const counted = tag.kind === 'counter' || tag.role === 'health' || tag.unit.startsWith('{')
  if (counted && Number.isInteger(value)) return formatNumber(value, language, 0)
  const moving = tag.kind === 'analog' || tag.kind === 'energy'
  return formatNumber(value, language, moving ? steadyDecimals(value, tag) : decimalsFor(value, tag.deadband))
}

/** A moving value must not change its width with every sample: decimals by magnitude only. */
function steadyDecimals(value: number, { kind, deadband }: Written): number {
  if (deadband > 0) return decimalsFor(value, deadband)
  const size = Math.abs(value)
  if (size >= 1000) return kind === 'energy' ? 1 : 0
  return size >= 100 ? 1 : size >= 1 ? 2 : 3
}

/** `0.8234` → `82.3`; the sign for percent stands apart as the unit. */
export function percentNumber(share: number, language: Language, decimals = 1): string {
  return formatNumber(share * 100, language, decimals)
}

export type AgeUnit = 'now' | 's' | 'min' | 'h' | 'd'

/** How old, in the largest unit that still says something; less than a second is `now`. */
export function ageOf(milliseconds: number): { unit: AgeUnit; n: number } {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < 1) return { unit: 'now', n: 0 }
  if (seconds < 120) return { unit: 's', n: seconds }
  if (seconds < 7200) return { unit: 'min', n: Math.floor(seconds / 60) }
  if (seconds < 172_800) return { unit: 'h', n: Math.floor(seconds / 3600) }
  return { unit: 'd', n: Math.floor(seconds / 86_400) }
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** A time of day in the site's zone, 24 h; with the date when it was not the same day as `now`. */
export function formatTime(time: number, zone: string, options: { now?: number; seconds?: boolean } = {}): string {
  const { now = time, seconds = true } = options
  const day = (t: number) => clock(zone, 'day').format(t)
  const date = day(time) === day(now) ? '' : `${day(time).slice(5)} `
  return date + clock(zone, seconds ? 'seconds' : 'minutes').format(time)
}

/** `2026-03-01` in the site's zone. */
export function formatDate(time: number, zone: string): string {
  return clock(zone, 'day').format(time)
}

function clock(zone: string, form: 'day' | 'minutes' | 'seconds'): Intl.DateTimeFormat {
  const key = zone + form
  let found = clocks.get(key)
  if (!found) {
    const fields: Intl.DateTimeFormatOptions =
      form === 'day'
        ? { year: 'numeric', month: '2-digit', day: '2-digit' }
        : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(form === 'seconds' && { second: '2-digit' }) }
    // Swedish writes dates as ISO 8601 does
    clocks.set(key, (found = new Intl.DateTimeFormat('sv-SE', { ...fields, timeZone: zone })))
  }
  return found
}

const SYMBOLS: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  'kW.h': 'kWh',
  'W.h': 'Wh',
  us: 'µs',
  'm3/h': 'm³/h',
  '[ppm]': 'ppm',
}

/** What people read for a UCUM code; `translate` puts annotations such as `{piece}` into words. */
export function unitSymbol(ucum: string, translate: (annotation: string) => string): string {
  return ucum
    .split('/')
    .map(
      (part) =>
        SYMBOLS[part] ?? part.replace(/\{([^}]*)\}/g, (_, word: string) => translate(word)).replace('kW.h', 'kWh'),
    )
    .join('/')
}

const STEPS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const

/** A step in the largest unit of which it is a whole number: 900 is 15 min. */
export function wholeStep(seconds: number): { n: number; unit: 'd' | 'h' | 'min' | 's' } {
  const [unit, length] = STEPS.find(([, long]) => seconds % long === 0) ?? STEPS[3]
  return { n: seconds / length, unit }
}
