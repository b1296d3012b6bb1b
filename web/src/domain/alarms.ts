/** What a list of alarms comes down to: pure, so that it can be tested without a page. */
import { PRIORITIES, type Alarm, type Priority } from '../api-alarms'

const UNSEEN: ReadonlySet<string> = new Set(['unacknowledged', 'returned', 'latched-unacknowledged'])
const PUT_ASIDE: ReadonlySet<string> = new Set(['shelved', 'suppressed', 'out-of-service'])

/** Nobody has acknowledged it yet. */
export const isUnseen = (alarm: Alarm): boolean => UNSEEN.has(alarm.state)

/** It is to be shown: neither shelved nor suppressed nor out of service. */
export const isShown = (alarm: Alarm): boolean => !PUT_ASIDE.has(alarm.state)

export const rank = (priority: Priority): number => PRIORITIES.indexOf(priority)

/** It is about a thing itself or something below it. */
export const isAbout = (alarm: Alarm, path: string): boolean =>
  alarm.scope === path || alarm.scope.startsWith(`${path}/`)

export interface Summary {
  shown: number
  unseen: number
  /** The most urgent of what nobody has acknowledged, else of all; null without any. */
  worst: Alarm | null
}

/** Most urgent first, then what nobody has seen, then the newest. */
export function byUrgency(a: Alarm, b: Alarm): number {
  return rank(a.priority) - rank(b.priority) || Number(isUnseen(b)) - Number(isUnseen(a)) || b.since - a.since
}

export function summary(alarms: readonly Alarm[]): Summary {
  const shown = alarms.filter(isShown).sort(byUrgency)
  const unseen = shown.filter(isUnseen)
  return { shown: shown.length, unseen: unseen.length, worst: unseen[0] ?? shown[0] ?? null }
}

/** The device of a path, `site/scene/line/device`, as far as it goes. */
export const deviceOfScope = (scope: string): string => scope.split('/').slice(0, 4).join('/')

export interface DeviceAlarms {
  path: string
  alarms: Alarm[]
  /** When the first of them began. */
  first: number
  unseen: number
  worst: Priority
}

/** In a flood: one row a device, what began first before what followed from it. */
export function byDevice(alarms: readonly Alarm[]): DeviceAlarms[] {
  const groups = new Map<string, Alarm[]>()
  for (const alarm of alarms) {
    const path = deviceOfScope(alarm.scope)
    groups.set(path, [...(groups.get(path) ?? []), alarm])
  }
  const began = (alarm: Alarm) => alarm.active_since ?? alarm.since
  return [...groups]
    .map(([path, some]) => {
      const ordered = [...some].sort((a, b) => began(a) - began(b))
      const urgent = [...some].sort(byUrgency)
      return {
        path,
        alarms: ordered,
        first: began(ordered[0] as Alarm),
        unseen: some.filter(isUnseen).length,
        worst: (urgent[0] as Alarm).priority,
      }
    })
    .sort((a, b) => a.first - b.first)
}

/** Ids that call for attention now and did not before: what a sound is made for. */
export function newlyUnseen(before: readonly Alarm[], now: readonly Alarm[]): string[] {
  const known = new Set(before.filter((alarm) => alarm.state === 'unacknowledged').map((alarm) => alarm.id))
  return now.filter((alarm) => alarm.state === 'unacknowledged' && !known.has(alarm.id)).map((alarm) => alarm.id)
}
