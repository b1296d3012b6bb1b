/** What the server says of alarms, and what people may do about them. Times are milliseconds since 1970 UTC. */
import { addressed, get, post, query, type Indicator, type Text } from './api'

export const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** The states of ISA-18.2. */
export type AlarmState =
  | 'normal'
  | 'unacknowledged'
  | 'acknowledged'
  | 'returned'
  | 'latched-unacknowledged'
  | 'latched-acknowledged'
  | 'shelved'
  | 'suppressed'
  | 'out-of-service'

export interface Alarm {
  /** `site/scene:name`. */
  id: string
  scene: string
  /** Path of the tag, device, line or scene that it is about. */
  scope: string
  name: Text
  consequence: Text
  response: Text
  priority: Priority
  state: AlarmState
  active: boolean
  acknowledged: boolean
  since: number
  active_since: number | null
  /** What its condition saw when it began to hold. */
  value: number | null
  simulated: boolean
  latching: boolean
  /** Seconds it may be shelved at most. */
  max_shelving: number
  shelving: { by: string; reason: string; since: number; until: number } | null
  kind: 'limit' | 'rate' | 'state' | 'spc' | 'stale' | 'kpi'
  limit: number | null
  side: 'above' | 'below' | null
  unit: string
  shown: 'percent' | 'number'
}

export interface AlarmList {
  number: number
  /** Since when there is a flood; null while there is none. */
  flood: number | null
  alarms: Alarm[]
}

export interface AlarmEvent {
  number: number
  time: number
  alarm: string
  name: Text
  scope: string
  do: string
  before: AlarmState
  after: AlarmState
  priority: Priority
  by: string
  reason: string
  until: number | null
  value: number | null
  simulated: boolean
}

export interface Performance {
  window: { start: number; stop: number }
  total: number
  peak: number
  by_priority: Record<Priority, number>
  most_frequent: { alarm: string; name: Text; count: number; share: number }[]
  floods: { start: number; stop: number }[]
  stale: string[]
  chattering: string[]
  ten_minutes: { length: number; counts: number[] }
  indicators: Indicator[]
}

/** Some may be refused while others are done: somebody else was quicker. */
export interface Outcome {
  number: number
  done: string[]
  refused: { alarm: string; why: string; words: Text }[]
}

export interface Span {
  start: number
  stop: number
}

const ROOT = '/api/v1/alarms'
const act = (what: string, body: unknown) => post<Outcome>(`${ROOT}/${what}`, body)

export const alarmApi = {
  list: (stop?: AbortSignal) => get<AlarmList>(ROOT, stop),
  history: (asked: Span & { alarm?: string; scene?: string; before?: number; most?: number }, stop?: AbortSignal) =>
    get<{ events: AlarmEvent[]; next: number | null }>(`${ROOT}/history?${query({ ...asked })}`, stop),
  /** Address of the log of a window as a table for spreadsheets. */
  file: (asked: Span & { scene?: string }) => addressed(`${ROOT}/history.csv?${query({ ...asked })}`),
  performance: (span: Span, stop?: AbortSignal) =>
    get<Performance>(`${ROOT}/performance?${query({ start: span.start, stop: span.stop })}`, stop),
  acknowledge: (alarms: string[]) => act('acknowledge', { alarms }),
  reset: (alarms: string[]) => act('reset', { alarms }),
  shelve: (alarms: string[], reason: string, seconds: number) => act('shelve', { alarms, reason, seconds }),
  unshelve: (alarms: string[]) => act('unshelve', { alarms }),
  takeOut: (alarms: string[], reason: string) => act('out-of-service', { alarms, reason }),
  putBack: (alarms: string[]) => act('return', { alarms }),
  comment: (alarms: string[], reason: string) => act('comment', { alarms, reason }),
}
