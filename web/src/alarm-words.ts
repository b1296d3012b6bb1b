/** What alarms say about themselves, in the reader's words. */
import type { RouteLocationRaw } from 'vue-router'
import type { Scene } from './api'
import type { Alarm } from './api-alarms'
import { deviceKey } from './domain/arrange'
import { deviceOfScope } from './domain/alarms'
import { formatNumber, percentNumber } from './domain/format'
import { language } from './settings'
import { deviceName, durationWords, i18n, say, unitName } from './words'

const { t } = i18n.global

export interface Where {
  words: string
  to: RouteLocationRaw | null
}

/** Scene, device and signal of a path by their names, and the page that shows them. */
export function alarmWhere(scope: string, scenes: readonly Scene[]): Where {
  const scene = scenes.find((one) => scope === one.path || scope.startsWith(`${one.path}/`))
  if (!scene) return { words: scope, to: null }
  const name = say(scene.name) || scene.id
  const path = deviceOfScope(scope)
  const device = scene.lines.flatMap((line) => line.devices).find((one) => one.path === path)
  if (!device) {
    const line = scene.lines.find((one) => one.path === path)
    const words = line ? `${name} · ${say(line.name)}` : name
    return { words, to: { name: 'scene', params: { id: scene.id } } }
  }
  const signal = scope.slice(path.length + 1)
  const words = [name, deviceName(device), signal].filter(Boolean).join(' · ')
  return { words, to: { name: 'device', params: { id: scene.id, device: deviceKey(scene, device) } } }
}

/** What the condition saw against its limit: `72.4 °C > 70 °C`. */
export function triggerWords(alarm: Alarm): string {
  if (alarm.kind === 'stale')
    return alarm.limit === null ? '' : t('alarm.silentFor', { time: durationWords(alarm.limit * 1000) })
  if (alarm.kind === 'state') return ''
  const value = alarm.value === null ? '' : amount(alarm.value, alarm)
  if (alarm.limit === null) return value
  if (alarm.kind === 'rate') return t('alarm.fasterThan', { limit: amount(alarm.limit, alarm) })
  const limit = amount(alarm.limit, alarm)
  return `${value} ${alarm.side === 'below' ? '<' : '>'} ${limit}`.trim()
}

function amount(value: number, { unit, shown }: Alarm): string {
  if (shown === 'percent') return `${percentNumber(value, language.value)} %`
  return `${formatNumber(value, language.value)} ${unitName(unit)}`.trim()
}
