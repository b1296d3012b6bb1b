/** What happened to one device, as the server lists it. Times are milliseconds since 1970 UTC. */
import { get, query, type Text } from './api'
import type { Priority } from './api-alarms'

export type DeviceEvent = { time: number } & (
  | { kind: 'state'; before: string; after: string; why: string | null }
  | { kind: 'stop'; stop: number; loss: string; name: Text; reason: string }
  | { kind: 'alarm'; do: string; name: Text; priority: Priority; by: string; reason: string }
  | { kind: 'quality'; tags: string[]; before: number; after: number }
  | { kind: 'silence'; tags: string[]; stop: number | null }
  | { kind: 'collector'; collector: string; connected: boolean; reason: string }
)
export type EventKind = DeviceEvent['kind']
export const EVENT_KINDS: readonly EventKind[] = ['state', 'stop', 'alarm', 'quality', 'silence', 'collector']

export interface DeviceEvents {
  /** The newest first. */
  events: DeviceEvent[]
  /** Whether there were more than these. */
  more: boolean
}

export const deviceEvents = (
  scene: string,
  asked: { device: string; start: number; stop: number; most: number },
  stop?: AbortSignal,
) => get<DeviceEvents>(`/api/v1/scenes/${encodeURIComponent(scene)}/events?${query(asked)}`, stop)
