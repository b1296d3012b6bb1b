/** What only the panels of a scene's page ask for. Times are milliseconds since 1970 UTC. */
import { get, inQuery, post, query, type Asked, type Indicator, type Text, type Value } from './api'

/** A figure with what went into it and how sure it is. */
export interface Detail extends Indicator {
  inputs: Record<string, { value: number | number[] | null; unit: string }>
  uncertainty: [number, number] | null
}

export interface Details {
  window: { start: string | number; stop: string | number; label: string }
  indicators: Detail[]
}

export type RecordsOf = 'verdict' | 'decision' | 'session'

/** All that a machine said of one part, decision or session; `reference`: what it really was, where that was told. */
export interface PieceRecord {
  device: string
  time: number
  values: Record<string, Value>
  reference: string | null
  /** Whether it was judged as it was; null where nobody told. */
  right: boolean | null
  /** Whether the verdict lets a part pass; null where it is no verdict. */
  accepted: boolean | null
  simulated: boolean
}

export interface Percentile {
  percentile: string
  /** ms; null where there is none or it is infinite. */
  value: number | null
  status: Indicator['status']
  interval: [number, number] | null
  note: Text
}

export interface DelayLink {
  /** The device for its round trip, else the tag. */
  scope: string
  one_way: boolean
  clock_error: number | null
  simulated: boolean
  packets: number
  lost: number
  unmeasured: number
  within: { count: number; share: number; interval: [number, number] | null } | null
  percentiles: Percentile[]
  /** Which share of all packets came within which delay, ms; of lost packets it ends below 1. */
  curve: { delay: number[]; share: number[] }
}

export interface DelayBound {
  ms: number
  percentile: string | null
  source: Text
  /** The scene whose bound it is. */
  scene: string
  below: boolean
}

export interface Delays {
  bound: DelayBound | null
  links: DelayLink[]
}

/** A rule that was met at point `at`, and the points, counted from 0, that meet it. */
export interface ChartSignal {
  at: number
  points: number[]
  rule: string
  name: Text
}

/** The points of one chart with the level lines they are held against. */
export interface Charted {
  /** How many points the limits were learned from. */
  learned_from: number
  time: number[]
  value: number[]
  centre: number | null
  lower: number | null
  upper: number | null
  signals: ChartSignal[]
}

export interface ControlChart {
  tag: string
  unit: string
  simulated: boolean
  learned: { start: number; stop: number }
  individuals: Charted
  ranges: Charted
}

/** What somebody said of a stretch of one machine's time. */
export interface Annotation {
  scope: string
  start: number
  stop: number
  reason: string
  comment: string
  author: string
  made: number
}

const of = (scene: string) => `/api/v1/scenes/${encodeURIComponent(scene)}`

export const sceneApi = {
  details: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<Details>(`${of(scene)}/details?${query(inQuery(asked))}`, stop),
  records: (scene: string, what: RecordsOf, most: number, asked: Asked, stop?: AbortSignal) =>
    get<PieceRecord[]>(`${of(scene)}/records?${query({ of: what, most, ...inQuery(asked) })}`, stop),
  delays: (scene: string, asked: Asked, stop?: AbortSignal) =>
    get<Delays>(`${of(scene)}/delays?${query(inQuery(asked))}`, stop),
  /** `learn`: where limits are learned; null for as long a stretch right before the window. */
  chart: (
    scene: string,
    tag: string,
    learn: { start: number; stop: number } | null,
    asked: Asked,
    stop?: AbortSignal,
  ) => {
    const from = learn ? { learn_start: learn.start, learn_stop: learn.stop } : {}
    return get<ControlChart>(`${of(scene)}/chart?${query({ tag, ...from, ...inQuery(asked) })}`, stop)
  },
  annotations: (scene: string, span: { start: number; stop: number }, stop?: AbortSignal) =>
    get<Annotation[]>(`${of(scene)}/annotations?${query(span)}`, stop),
  annotate: (scene: string, said: { scope: string; start: number; stop: number; reason: string; comment: string }) =>
    post<Annotation>(`${of(scene)}/annotations`, said),
}
