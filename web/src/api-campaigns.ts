/** Acceptance campaigns as the server has them. Times of plans are nanoseconds since 1970 UTC, as in the evidence. */
import { addressed, get, post, send, type Text } from './api'

export const VERDICTS = ['met', 'met-unproven', 'not-met', 'insufficient-data'] as const
export type Verdict = (typeof VERDICTS)[number]

export const STAGES = ['planned', 'running', 'done', 'failed', 'cancelled'] as const
export type Stage = (typeof STAGES)[number]

/** What JSON has no number for comes as a word. */
export type Real = number | 'Infinity' | '-Infinity' | 'NaN'

export interface Bound {
  name: Text
  kind: string
  op: string
  bound: number
  unit: string
}

/** A clause that can be tried on a scene's simulation; `profile` is the scene's own network. */
/** `scene` and `profile` are null where the clause counts what people hand in. */
export interface Option {
  scene: string | null
  name: Text
  catalogue: string
  clause: string
  number: string
  profile: string | null
  shifts: { id: string; name: Text }[]
  /** Whether an indicator holds one side against the other. */
  compares: boolean
  indicators: (Bound & { least_shifts: number })[]
}

export interface CampaignRow {
  id: string
  name: Text
  /** None where the clause speaks of no scene. */
  scene: string | null
  clause: string
  revision: number
  frozen: string
  author: string
  simulated: boolean
  stage: Stage
  /** 0…1 */
  share: number
  step: Text
  error: string | null
  verdict: Verdict | null
  has_package: boolean
}

export interface CampaignList {
  campaigns: CampaignRow[]
  options: Option[]
  profiles: { id: string; name: Text }[]
  may_run: boolean
  may_export: boolean
}

/** Nanoseconds; a whole second is exact in a number, what is finer is not. */
export interface Stretch {
  start: number
  stop: number
}

export type Arm =
  | { source: 'simulated'; profile: string; parameters: Record<string, unknown>; shifts: number; seed: number }
  | { source: 'recorded'; windows: Stretch[] }

export interface Plan {
  id: string
  name: Text
  scene: string | null
  catalogue: string
  clause: string
  clause_digest: string
  baseline: Arm | null
  /** None where only records count. */
  improved: Arm | null
  mix: Record<string, number>
  exclusion_rules: { id: string; text: Text }[]
  confidence: number
  resamples: number
  seed: number
  author: string
  purpose: Text
}

export interface Revision {
  plan: Plan
  hash: string
  at: number
  revision: number
  previous: string | null
  reason: string
}

export interface Exclusion {
  window: Stretch
  rule: string
  reason: string
  author: string
  at: number
}

/** What a person handed in: `number` of so many, by a document. */
export interface HandedIn {
  side: 'baseline' | 'improved'
  kind: string
  window: Stretch
  number: number
  of: number
  source: string
  author: string
  at: number
}

/** Records that the clause asks for; `both`: before and after. */
export interface Asked {
  kind: string
  name: Text
  note: Text
  both: boolean
}

/** What one side of a comparison rests on. */
export interface Side {
  value: Real | null
  interval: [Real, Real] | null
  windows: number
  samples: number
  coverage: number | null
  quality_share: number
  late: number
  /** Seconds. */
  clock_error: Real | null
  simulated: boolean
}

/** One indicator held against its bound. */
export interface Finding extends Bound {
  indicator: string
  measure: string
  statistic: string
  version: number
  confidence: number
  verdict: Verdict
  estimate: Real | null
  interval: [Real, Real] | null
  points: Real | null
  effect: Real | null
  effect_kind: string
  baseline: Side | null
  improved: Side | null
  mix: { crude: Real; standardised: Real | null; trap: boolean } | null
  notes: Text[]
}

export interface ClauseFinding {
  clause: string
  number: string
  name: Text
  verdict: Verdict
  findings: Finding[]
}

export interface Campaign extends CampaignRow {
  revisions: Revision[]
  exclusions: Exclusion[]
  records: HandedIn[]
  asked: Asked[]
  finding: ClauseFinding | null
  reports: string[]
  /** Of the package, in bytes. */
  size: number | null
}

export interface Simulated {
  scene: string
  catalogue: string
  clause: string
  id?: string
  shifts: number
  seed: number
  profile?: string
  purpose: string
}

/** Whole shifts from one local day to another, as `2026-11-02`; `shift`: only those. */
export interface Days {
  first: string
  last: string
  shift?: string
}

/** A line judged by what the centre records of it. */
export interface RecordedSides {
  scene: string
  catalogue: string
  clause: string
  id?: string
  baseline?: Days
  improved: Days
  purpose: string
}

/** A clause that counts what people hand in. */
export interface Counted {
  catalogue: string
  clause: string
  id?: string
  purpose: string
}

/** What is planned in a few words. */
export type Planned = { simulated: Simulated } | { recorded: RecordedSides } | { counted: Counted }

export interface Check {
  step: string
  result: 'holds' | 'fails' | 'not-made' | 'absent'
  details: Text[]
}

export interface Verification {
  holds: boolean
  /** Fingerprint of the key that signed. */
  signer: string
  checks: Check[]
}

/** Every figure is computed anew from the samples; a large package takes minutes. */
const VERIFYING_MS = 600_000

const ROOT = '/api/v1/campaigns'
const of = (id: string) => `${ROOT}/${encodeURIComponent(id)}`

export const campaignApi = {
  list: (stop?: AbortSignal) => get<CampaignList>(ROOT, stop),
  one: (id: string, stop?: AbortSignal) => get<Campaign>(of(id), stop),
  freeze: (planned: Planned) => post<Campaign>(ROOT, planned),
  revise: (id: string, planned: Planned, reason: string) =>
    post<Campaign>(`${of(id)}/revisions`, { ...planned, reason }),
  exclude: (id: string, window: Stretch, rule: string, reason: string) =>
    post<Campaign>(`${of(id)}/exclusions`, { window, rule, reason }),
  handIn: (id: string, record: Pick<HandedIn, 'side' | 'kind' | 'window' | 'number' | 'of' | 'source'>) =>
    post<Campaign>(`${of(id)}/records`, record),
  run: (id: string) => post<CampaignRow>(`${of(id)}/run`, {}),
  cancel: (id: string) => post<CampaignRow>(`${of(id)}/cancel`, {}),
  verify: (id: string) => send<Verification>('POST', `${of(id)}/verification`, {}, VERIFYING_MS),
  package: (id: string) => addressed(`${of(id)}/package`),
  report: (id: string, file: string) => addressed(`${of(id)}/report/${encodeURIComponent(file)}`),
}
