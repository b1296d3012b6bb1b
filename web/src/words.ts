/** The product's words in the chosen language, and the plant's own names beside them. */
import { createI18n } from 'vue-i18n'
import { watch } from 'vue'
import { reader, type Device, type Indicator, type Tag, type Text } from './api'
import { formatNumber, NOTHING, percentNumber, unitSymbol, wordsOf } from './domain/format'
import { language } from './settings'

type Words = Record<string, object>

/** Each part of the product keeps its words in a file of its own, under a key of its own. */
const together = (files: Record<string, Words>): Words => Object.assign({}, ...Object.values(files)) as Words

const en = together(import.meta.glob<Words>('./locales/en/*.json', { eager: true, import: 'default' }))
const zh = together(import.meta.glob<Words>('./locales/zh-CN/*.json', { eager: true, import: 'default' }))

export const i18n = createI18n({
  legacy: false,
  locale: language.value,
  fallbackLocale: false,
  messages: { 'zh-CN': zh, en },
})

watch(language, (chosen) => (i18n.global.locale.value = chosen))

const { t, te } = i18n.global

/** The words under `key`, or `otherwise` where the product has none, as for a plant's own types. */
function wordsOr(key: string, otherwise: string): string {
  return te(key) ? t(key) : otherwise
}

export const say = (text: Text | undefined): string => wordsOf(text, language.value)
reader.say = say

export const deviceName = (device: Device): string => say(device.name) || device.id
export const deviceType = (device: Device): string => wordsOr(`deviceType.${device.type}`, device.type)
export const accessName = (device: Device): string =>
  device.access === 'none' ? '' : wordsOr(`access.${device.access}`, device.access)

/** What a tile is headed with: the plant's description, else the role, else the signal's own name. */
export function tagName(tag: Tag): string {
  const described = say(tag.description)
  if (described) return described
  const signal = tag.path.slice(tag.path.lastIndexOf('/') + 1)
  const name = tag.role === null ? signal : roleName(tag.role)
  return tag.label ? `${name} · ${tag.label}` : name
}

/** Where a source finds a tag, as its configuration says: `node: ns=2;s=Press.Force`. */
export function addressWords(tag: Tag): string {
  const parts = Object.entries(tag.address ?? {}).filter(([, value]) => value !== null)
  return parts.map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' · ')
}

/** A word of a device's own: known ones in the reader's language, others as they came. */
export const spoken = (word: string): string =>
  /^[a-z-]+$/i.test(word) ? wordsOr(`spoken.${word.toLowerCase()}`, word) : word

export const roleName = (role: string): string => wordsOr(`role.${role}`, role)
export const flagName = (flag: string): string => wordsOr(`flag.${flag}`, flag)
export const unitName = (ucum: string): string => unitSymbol(ucum, (word) => wordsOr(`unit.${word}`, word))

/** A tag's unit: counted things in the reader's language, the rest as the server writes it. */
export const tagUnit = (tag: Pick<Tag, 'unit' | 'symbol'>): string =>
  tag.unit.includes('{') ? unitName(tag.unit) : tag.symbol || unitName(tag.unit)

/** The short name where the product has one, so that factors fit beside their bars. */
export const indicatorName = (indicator: Indicator): string =>
  wordsOr(`indicator.${indicator.id}`, say(indicator.name) || indicator.id)

/** `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function durationWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 60) return t('duration.s', { n: seconds })
  if (seconds < 3600) return t('duration.min', { n: Math.floor(seconds / 60), s: seconds % 60 })
  return t('duration.h', { h: Math.floor(seconds / 3600), n: Math.floor((seconds % 3600) / 60) })
}

/** A figure as people read it: number and unit apart. */
export function figure(indicator: Indicator): { number: string; unit: string } {
  const { value, unit, shown, status } = indicator
  if (status === 'unbounded') return { number: '∞', unit: unitName(unit) }
  if (value === null || status !== 'ok') return { number: NOTHING, unit: '' }
  if (shown === 'percent') return { number: percentNumber(value, language.value), unit: '%' }
  return { number: formatNumber(value, language.value), unit: unitName(unit) }
}

const LONG_S = { min: [600, 60], h: [7200, 3600] } as const

const LEAST_KWH = 0.1

/** A figure that stands alone: long times in minutes or hours, little energy in watt hours. */
export function figureAlone(indicator: Indicator): { number: string; unit: string } {
  const { value, unit, status } = indicator
  if (status === 'ok' && value !== null && Math.abs(value) < LEAST_KWH && unit.startsWith('kW.h'))
    return { number: formatNumber(value * 1000, language.value), unit: unitName(unit).replace('kWh', 'Wh') }
  if (unit !== 's' || value === null || status !== 'ok') return figure(indicator)
  const long = (['h', 'min'] as const).find((one) => value >= LONG_S[one][0])
  return long ? { number: formatNumber(value / LONG_S[long][1], language.value), unit: long } : figure(indicator)
}

/** `0.714` → `71 %` for coverage and the like; a dash where it is not known. */
export function shareWords(share: number | null): string {
  return share === null ? NOTHING : `${percentNumber(share, language.value, 0)} %`
}

/** Why there is no number, as exactly as the server said it. */
export const whyNone = (indicator: Indicator): string => say(indicator.note) || t(`status.${indicator.status}`)
