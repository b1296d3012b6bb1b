/** Where on a floor a link is good, what is in stock where, how parts were handed on, and which way a product went. */
import { get, inQuery, pageTime, query, type Asked, type Value } from './api'

export const MEASURES = ['delay', 'loss', 'signal', 'events'] as const
export type Measure = (typeof MEASURES)[number]

export interface Cell {
  column: number
  /** Counted upwards from the lower edge of the floor. */
  row: number
  /** Packets or samples; for events, seconds that somebody was there. */
  samples: number
  value: number | null
  status: 'ok' | 'insufficient-data' | 'unbounded'
}

export interface Layer {
  measure: Measure
  unit: string
  /** Samples from which on a cell has a value. */
  needed: number
  cells: Cell[]
}

export interface RadioMap {
  window: { start: number; stop: number; label: string }
  /** Edge of a cell, m. */
  size: number
  columns: number
  rows: number
  /** Of delay. */
  percentile: number
  /** The delay that was agreed, ms; null where none was. */
  limit: number | null
  /** Packets sent nobody knows where. */
  elsewhere: number
  simulated: boolean
  layers: Layer[]
}

export const PERCENTILES = ['50', '95', '99'] as const
export type Percentile = (typeof PERCENTILES)[number]

export interface Stock {
  /** The last count of each place. */
  counts: { place: string; time: number; counted: number; recorded: number | null }[]
  /** Calls that nobody has answered yet. */
  calls: { item: string; time: number; device: string }[]
  /** Calls and movements whose message never came. */
  unseen: number
  simulated: boolean
}

export interface HandOver {
  time: number
  /** Null for a missed one. */
  seconds: number | null
  words: Record<string, number | null>
  missed: boolean
  trusted: boolean
}

export interface Pair {
  giver: string
  receiver: string | null
  /** In the order they are spoken in, giver and receiver in turn. */
  words: string[]
  /** Oldest first. */
  hand_overs: HandOver[]
  simulated: boolean
}

export interface Seen {
  identifier: string
  time: number
  device: string
  stations: number
}

export interface Visit {
  device: string
  tag: string
  time: number
  received: number
  quality: number
  /** When the station told of the next product; null: not yet. */
  until: number | null
  facts: { path: string; value: Value; quality: number; time: number }[]
}

export interface Trace {
  identifier: string
  /** From when on it was looked for. */
  since: number
  simulated: boolean
  /** Paths of the devices that tell which product they have. */
  stations: string[]
  visits: Visit[]
}

const of = (scene: string, what: string) => `/api/v1/scenes/${encodeURIComponent(scene)}/${what}`

/** In a replay, what was known at its time. */
const then = (parameters: Record<string, string | number> = {}) =>
  query(pageTime.until === null ? parameters : { ...parameters, until: pageTime.until })

export const placesApi = {
  radioMap: (scene: string, asked: Asked, percentile: Percentile | '', stop?: AbortSignal) =>
    get<RadioMap>(
      of(scene, `radio-map?${query({ ...inQuery(asked), ...(percentile === '' ? {} : { percentile }) })}`),
      stop,
    ),
  stock: (scene: string, stop?: AbortSignal) => get<Stock>(of(scene, `stock?${then()}`), stop),
  handOvers: (scene: string, asked: Asked, most: number, stop?: AbortSignal) =>
    get<Pair[]>(of(scene, `hand-overs?${query({ ...inQuery(asked), most })}`), stop),
  identifiers: (scene: string, most: number, stop?: AbortSignal) =>
    get<Seen[]>(of(scene, `identifiers?${then({ most })}`), stop),
  trace: (scene: string, identifier: string, stop?: AbortSignal) =>
    get<Trace>(of(scene, `trace?${then({ identifier })}`), stop),
}
