/** What runs, whether its files are sound, and what there is at a device that could be read too. */
import { get, send } from './api'

export interface Health {
  connected: boolean | number | null
  reason: string | null
  lag: number | null
  samples: number | null
  reconnects: number | null
  'bad-points': number | null
  'dead-letters': number | null
  'clock-offset': number | null
  /** Milliseconds of the newest of these; null when nothing was heard lately. */
  at: number | null
}

export interface RunningSource {
  scene: string
  id: string
  type: string
  tags: number
  simulated: boolean
  health: Health
  /** Samples a second over the last half minute. */
  rate: number | null
  /** What only those see who may explore. */
  shown: { address: string; security: string; file: string; line: number } | null
}

export interface Running {
  sources: RunningSource[]
  explorable: boolean
  hosts: string[]
}

export interface Fault {
  file: string
  path: string
  message: string
  hint: string
  line: number
}

export interface Checked {
  documents: { file: string; type: string; id: string }[]
  faults: Fault[]
  /** Whether a file was written since the centre began. */
  changed: boolean
}

export const OUTCOMES = ['passed', 'doubtful', 'failed', 'skipped'] as const

export interface Step {
  stage: string
  outcome: (typeof OUTCOMES)[number]
  finding: string
  detail: string
  seconds: number
}

export type Target =
  | { type: 'source'; scene: string; source: string }
  | { type: 'opcua'; endpoint: string }
  | { type: 'modbus'; host: string; port: number }

interface Answer {
  /** Code of what went wrong at the device; '' when nothing did. */
  failure: string
  detail: string
}

export interface Entry {
  node: string
  name: string
  variable: boolean
  data_type: string
  unit: string
  value: string
  quality: number
}

export interface Browsed extends Answer {
  entries?: Entry[]
  complete?: boolean
}

export const TABLES = ['holding', 'input', 'coil', 'discrete'] as const

export interface Wanted {
  unit: number
  table: (typeof TABLES)[number]
  start: number
  count: number
}

export interface Decoding {
  format: string
  order: string
}

export interface Register {
  register: number
  word: number | null
  refused: number | null
  values: (number | null)[]
}

export interface Scanned extends Answer {
  registers?: Register[]
  decodings?: Decoding[]
  vendor?: string
  complete?: boolean
}

export interface Pick {
  name: string
  address: Record<string, string | number>
  type: string
  unit: string
}

/** Sources by `scene/source`, and settings that take effect at the next start. */
export interface Reloaded {
  added: string[]
  changed: string[]
  removed: string[]
  kept: string[]
  at_next_start: string[]
}

export interface Drafted {
  yaml: string
  faults: Fault[]
  file: string
}

const BASE = '/api/v1/configuration'
/** Devices may be slow, and a trial takes several steps. */
const PATIENCE_MS = 60_000

const act = <T>(path: string, body: object): Promise<T> => send<T>('POST', `${BASE}/${path}`, body, PATIENCE_MS)

export const configuration = {
  running: (stop?: AbortSignal) => get<Running>(BASE, stop),
  /** Load the files again; what did not change goes on. */
  reload: () => send<Reloaded>('POST', '/api/v1/reload', {}, PATIENCE_MS),
  check: (stop?: AbortSignal) => get<Checked>(`${BASE}/check`, stop),
  test: (scene: string, source: string) =>
    act<{ steps: Step[] }>(`sources/${encodeURIComponent(scene)}/${encodeURIComponent(source)}/test`, {}),
  browse: (target: Target, node: string | null) => act<Browsed>('browse', { target, node }),
  scan: (target: Target, range: Wanted) => act<Scanned>('scan', { target, range }),
  draft: (target: Target, picks: Pick[]) => act<Drafted>('draft', { target, picks }),
}
