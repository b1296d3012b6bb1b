/** Figures and moments of campaigns as reports write them. */
import type { Bound, Real, Stretch } from './api-campaigns'
import { formatDate, formatNumber, formatTime, NOTHING } from './domain/format'
import { real } from './domain/interval'
import { language } from './settings'
import { unitName } from './words'

const SIGNS: Readonly<Record<string, string>> = { '>=': '≥', '<=': '≤' }
const DIGITS = 4

/** A value with its unit; shares and changes in per cent. */
export function amount(value: Real | null | undefined, unit: string): string {
  const number = real(value)
  if (number === null) return NOTHING
  if (!Number.isFinite(number)) return number > 0 ? '∞' : '−∞'
  if (unit === '1') return `${significant(number * 100)} %`
  return `${significant(number)} ${unitName(unit)}`.trim()
}

/** A number with four digits that say something. */
export function significant(value: number): string {
  if (value === 0) return '0'
  const whole = Math.floor(Math.log10(Math.abs(value))) + 1
  const decimals = Math.min(6, Math.max(0, DIGITS - whole))
  const written = formatNumber(value, language.value, decimals)
  return /[.]/.test(written) ? written.replace(/\.?0+$/, '') : written
}

export const boundWords = (one: Pick<Bound, 'op' | 'bound' | 'unit'>): string =>
  `${SIGNS[one.op] ?? one.op} ${amount(one.bound, one.unit)}`

export const intervalWords = (interval: [Real, Real] | null, unit: string): string =>
  interval === null ? NOTHING : interval.map((end) => amount(end, unit)).join(' … ')

export const dateTime = (milliseconds: number, zone: string): string =>
  `${formatDate(milliseconds, zone)} ${formatTime(milliseconds, zone)}`

/** A moment that came as nanoseconds. */
export const moment = (nanoseconds: number, zone: string): string => dateTime(nanoseconds / 1e6, zone)

export const stretch = (window: Stretch, zone: string): string =>
  `${moment(window.start, zone)} – ${moment(window.stop, zone)}`

/** `950.8 kB`, `1.2 MB`. */
export function fileSize(bytes: number): string {
  const steps = ['B', 'kB', 'MB', 'GB']
  const step = Math.min(steps.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${formatNumber(bytes / 1000 ** step, language.value, step === 0 ? 0 : 1)} ${steps[step]}`
}
