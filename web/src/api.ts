/**
 * The one place that knows the server: its addresses, its shapes, its ways to fail.
 *
 * Times are milliseconds since 1970 UTC unless a name says otherwise; quality is an OPC UA
 * StatusCode; units are UCUM codes, `symbol` what people read.
 */

/** The same words in both languages the product speaks. */
export interface Text {
  zh: string
  en: string
}

export interface Site {
  id: string
  name: Text
  zone: string
  version: string
  overview: Overview
}

/** What a tile of the overview can tell. */
export type Told = 'state' | 'oee' | 'output' | 'defects' | 'energy' | 'link' | 'alarms' | 'machines'

/** How the site's configuration lays the overview out. */
export interface Overview {
  /** None for every scene. */
  tiles: { scene: string; size: 'normal' | 'wide' | 'large'; shows: Told[]; plan: number | null }[]
  shows: Told[]
  window: WindowName
  /** None for as many as fit. */
  columns: number | null
  /** Seconds that a kiosk stays on a page. */
  rotate: number
  visits: 'all' | 'overview' | 'scenes'
}

export interface Device {
  path: string
  id: string
  name: Text
  type: string
  access: string
  position: [number, number] | null
  tags: string[]
}

export interface Line {
  path: string
  name: Text
  serial: boolean
  devices: Device[]
}

/** A floor as it is drawn: metres, x to the right and y upwards from the lower left corner. */
export interface Floor {
  width: number
  height: number
  zones: { id: string; name: Text; x: number; y: number; width: number; height: number }[]
  walls: { x1: number; y1: number; x2: number; y2: number }[]
  access_points: { id: string; x: number; y: number }[]
}

export interface Scene {
  id: string
  path: string
  name: Text
  simulated: boolean
  lines: Line[]
  /** The panels of its page, as configured; none = all that apply. */
  page: string[]
  /** None where the configuration declares no floor. */
  floor?: Floor | null
  /** Why its machines stop: what a code means, and which loss it is. */
  stop_reasons: StopReason[]
}

export interface StopReason {
  code: string
  name: Text
  loss: string
  loss_name: Text
}

export type Kind = 'analog' | 'state' | 'counter' | 'energy' | 'event' | 'text'

export interface Tag {
  path: string
  kind: Kind
  role: string | null
  label: string
  unit: string
  symbol: string
  low: number | null
  high: number | null
  deadband: number
  stale_after: number
  description: Text
  /** Raw value, as text, to PackML state name. */
  states: Record<string, string>
  simulated: boolean
  /** The collector that reads it; null for what the product reports about itself. */
  source: string | null
  /** Where the source finds it, as configured: node, register, topic, …; null without a source. */
  address: Record<string, unknown> | null
}

/** One tag's past in equal buckets; columns are null where a bucket holds nothing usable. */
export interface History {
  path: string
  unit: string
  start: number[]
  count: number[]
  usable: number[]
  minimum: (number | null)[]
  maximum: (number | null)[]
  mean: (number | null)[]
  last: (number | string | null)[]
  quality: number[]
  /** Seconds: the coarsest stored value that stands here for samples no longer kept; 0 where there is none. */
  rollup: number
}

/** Whether there is a figure, and if not, why; `unbounded` is infinity, e.g. a percentile among lost packets. */
export const STATUSES = ['ok', 'insufficient-data', 'no-plan', 'unbounded'] as const

export interface Indicator {
  /** Tells it apart from all others of the window: `scope:id`. */
  key: string
  id: string
  name: Text
  value: number | null
  unit: string
  /** How people read the value: 0.82 as 82 %, or as it is. */
  shown: 'percent' | 'number'
  /** Path of the scene, line or device it speaks of. */
  scope: string
  status: (typeof STATUSES)[number]
  flags: string[]
  /** Share of the window that the data covers, 0…1. */
  coverage: number | null
  /** Share of the samples that were good, 0…1. */
  quality_share: number | null
  note: Text
  simulated: boolean
}

/** How one figure came about, in the reader's language: formula, inputs, numbers put in, result, coverage, source. */
export interface Explanation {
  title: string
  scope: string
  window: string
  steps: { kind: string; label: string; text: string }[]
}

/** A figure of typed numbers, with how it was worked out. */
export type Calculated = Indicator & { steps: Explanation['steps'] }

export interface Window {
  /** ISO 8601 or milliseconds, as the server likes. */
  start: string | number
  stop: string | number
  label: string
}

export interface Indicators {
  window: Window
  indicators: Indicator[]
}

/** How far a scene's newest values can be trusted; `connected` is null for a collector not heard of. */
export interface Health {
  tags: number
  good: number
  collectors: { id: string; connected: boolean | null }[]
}

/** What one reason cost of a loss, in seconds; `said`: for how much of it a person gave the reason. */
export interface LossReason {
  reason: string
  words: Text | null
  seconds: number
  said: number
  count: number
}

/**
 * From planned to valuable time of one unit, in seconds; the losses in order, together the difference.
 * The reasons of a loss add up to it; null where no stops stand behind it.
 */
export interface Losses {
  scope: string
  name: Text
  simulated: boolean
  planned: number
  losses: { id: string; name: Text; seconds: number; reasons: LossReason[] | null }[]
  valuable: number
}

/** One stop: `loss` says which step of the waterfall it is in, `reported` what the machine said. */
export interface Stop {
  start: number
  stop: number
  loss: string
  name: Text
  /** People's reason where there is one, else the machine's. */
  reason: string
  reported: string
  annotation: { reason: string; comment: string; author: string; made: number } | null
}

/** What one reason cost; `words`: what the catalogue calls it. */
export interface ParetoRow {
  reason: string
  words: Text | null
  count: number
  seconds: number
  share: number
  cumulative: number
}

export interface UnitStops {
  scope: string
  stops: Stop[]
}

export interface Interval {
  start: string | number
  stop: string | number
  /** PackML state name, or UNKNOWN. */
  state: string
  /** Why it is unknown, a key under `unknownState` in the locale files; null where it is known. */
  why?: string | null
}

export interface DeviceStates {
  device: string
  intervals: Interval[]
}

export type Value = number | boolean | string | null

/** `[index into paths, value, quality, source time, received time, origin]`. */
export type Row = [number, Value, number, number, number, number]

/** One message of the live feed; a snapshot names the paths that later rows index. */
export interface Frame {
  seq: number
  now: number
  /** Rises with every change of any alarm. */
  alarms?: number
  snapshot: boolean
  paths?: string[]
  rows: Row[]
}

export const WINDOWS = ['15min', '1h', '8h', 'shift'] as const
export type WindowName = (typeof WINDOWS)[number]

/** A stretch of time: up to now, one shift by the day it starts on, or from … to …. */
export type Period = { window: WindowName } | { shift: string; day: string } | { start: number; stop: number }

/** What figures are asked for: a stretch of time, and of it perhaps only what one product was made in. */
export type Asked = WindowName | (Period & { product?: string })

/** A shift of a scene's calendar. */
export interface ShiftListed {
  shift: string
  day: string
  name: Text
  start: number
  stop: number
}

export const FILE_FORMATS = ['csv', 'parquet'] as const
export type FileFormat = (typeof FILE_FORMATS)[number]

/** The server could not be asked (`status` 0) or refused (`status` as in HTTP). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which to try again, where the server said so. */
    readonly retryAfter = 0,
    /** What the server said, in both languages. */
    readonly words: Text | null = null,
    readonly code = '',
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

const PATIENCE_MS = 15_000

export const get = <T>(address: string, stop?: AbortSignal): Promise<T> => ask<T>(address, {}, { stop })

/** Ask for something to be done; the browser says by itself from which page it comes. */
export const post = <T>(address: string, body: unknown): Promise<T> => send<T>('POST', address, body)

export const send = <T>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  address: string,
  body?: unknown,
  patience = PATIENCE_MS,
): Promise<T> =>
  ask<T>(
    address,
    {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    },
    { patience },
  )

/** Called when the server does not know who asks, or no longer. */
export const refused: { on: () => void } = { on: () => undefined }

async function ask<T>(
  address: string,
  request: RequestInit,
  { stop, patience = PATIENCE_MS }: { stop?: AbortSignal | undefined; patience?: number },
): Promise<T> {
  const limit = AbortSignal.timeout(patience)
  try {
    const response = await fetch(addressed(address), {
      ...request,
      headers: { accept: 'application/json', ...request.headers },
      signal: stop ? AbortSignal.any([stop, limit]) : limit,
    })
    if (response.status === 401) refused.on()
    if (!response.ok) throw await refusal(response)
    return (response.status === 204 ? undefined : await response.json()) as T
  } catch (cause) {
    if (stop?.aborted || cause instanceof ApiError) throw cause
    // an answer that breaks off, or whose end comes too late, is as good as none
    throw new ApiError(0, cause instanceof Error ? cause.message : String(cause))
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const { message, words, code } = await reason(response)
  return new ApiError(response.status, message, Number(response.headers.get('retry-after')) || 0, words, code)
}

/** Turns words into the reader's language; set by who knows it, for this file knows only the server. */
export const reader: { say: (words: Text) => string } = { say: (words) => words.en }

interface Reason {
  message: string
  words: Text | null
  code: string
}

async function reason(response: Response): Promise<Reason> {
  const body = await response.text()
  const plain = { message: body.slice(0, 300) || response.statusText, words: null, code: '' }
  try {
    const { detail, message, words, code } = JSON.parse(body) as Partial<Record<string, unknown>>
    const both = words ? (words as Text) : null
    const said = both ? reader.say(both) : (detail ?? message)
    return typeof said === 'string' ? { message: said, words: both, code: String(code ?? '') } : plain
  } catch {
    return plain
  }
}

/**
 * The line that the page looks at instead of the centre, by the id of its sandbox. It answers as a centre does, below an
 * address of its own; what only a centre has is asked of the centre all the same.
 */
export const basis: { sandbox: string | null } = { sandbox: null }
const CENTRE_ALONE = /^\/api\/v1\/(labs|sandboxes|certificates|session|users|tokens|audit)\b/

/** Where something is to be asked now: at the centre, or at the line that the page looks at. */
export const addressed = (address: string): string =>
  basis.sandbox === null || CENTRE_ALONE.test(address)
    ? address
    : `/api/v1/sandboxes/${encodeURIComponent(basis.sandbox)}${address}`

/** Ask the centre, whatever the page looks at; `act` has to build its addresses at once. */
export function atCentre<T>(act: () => T): T {
  const looked = basis.sandbox
  basis.sandbox = null
  try {
    return act()
  } finally {
    basis.sandbox = looked
  }
}

export const query = (parameters: Record<string, string | number>) =>
  new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)])).toString()

/** Where the page's time stands; a replay of the past sets it, and "up to now" then means up to that moment. */
export const pageTime: { until: number | null } = { until: null }

/** The parameters of a question about a stretch of time. */
export function inQuery(asked: Asked): Record<string, string | number> {
  const parameters: Record<string, string | number> = typeof asked === 'string' ? { window: asked } : { ...asked }
  if (pageTime.until !== null && 'window' in parameters) parameters['until'] = pageTime.until
  return parameters
}

const segments = (path: string) => path.split('/').map(encodeURIComponent).join('/')

export const api = {
  site: (stop?: AbortSignal) => get<Site>('/api/v1/site', stop),
  scenes: (stop?: AbortSignal) => get<Scene[]>('/api/v1/scenes', stop),
  tags: (scene: string, stop?: AbortSignal) => get<Tag[]>(`/api/v1/tags?${query({ scene })}`, stop),
  history: (path: string, span: { start: number; stop: number; buckets: number }, stop?: AbortSignal) =>
    get<History>(`/api/v1/tags/${segments(path)}/history?${query(span)}`, stop),
  indicators: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<Indicators>(`/api/v1/scenes/${encodeURIComponent(scene)}/indicators?${query(inQuery(asked))}`, stop),
  /** The shifts of a scene's calendar that reach into a span. */
  shifts: (scene: string, span: { start: number; stop: number }, stop?: AbortSignal) =>
    get<ShiftListed[]>(`/api/v1/scenes/${encodeURIComponent(scene)}/shifts?${query(span)}`, stop),
  explain: (key: string, asked: Asked, language: 'zh' | 'en', stop?: AbortSignal) =>
    get<Explanation>(`/api/v1/indicators/${segments(key)}/explain?${query({ ...inQuery(asked), language })}`, stop),
  calculate: (asked: Record<string, number>, language: 'zh' | 'en') =>
    get<Calculated[]>(`/api/v1/calculator/oee?${query({ ...asked, language })}`),
  health: (scene: string, stop?: AbortSignal) =>
    get<Health>(`/api/v1/scenes/${encodeURIComponent(scene)}/health`, stop),
  losses: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<Losses[]>(`/api/v1/scenes/${encodeURIComponent(scene)}/losses?${query(inQuery(asked))}`, stop),
  stops: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<UnitStops[]>(`/api/v1/scenes/${encodeURIComponent(scene)}/stops?${query(inQuery(asked))}`, stop),
  pareto: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<ParetoRow[]>(`/api/v1/scenes/${encodeURIComponent(scene)}/pareto?${query(inQuery(asked))}`, stop),
  states: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<DeviceStates[]>(`/api/v1/scenes/${encodeURIComponent(scene)}/states?${query(inQuery(asked))}`, stop),
  /** Address of a file with every sample of a window. */
  export: (path: string, span: { start: number; stop: number }, format: FileFormat) =>
    addressed(`/api/v1/tags/${segments(path)}/export?${query({ start: span.start, stop: span.stop, format })}`),
  /** Address of the live feed, for a page that came from `location`; of no scene, it tells only of alarms. */
  live: (scene: string, from: { protocol: string; host: string } = location) =>
    `${from.protocol === 'https:' ? 'wss' : 'ws'}://${from.host}${addressed(`/api/v1/live?${query({ scene })}`)}`,
}

/** Milliseconds of a time the server gave as ISO 8601 or as milliseconds. */
export function milliseconds(time: string | number): number {
  return typeof time === 'number' ? time : Date.parse(time)
}
