/** Incidents as the server gives them: a past of a line that pauses and asks. Times are ms since 1970 UTC. */
import { get, post, send } from '../api'

export interface Incident {
  id: string
  group: string
  scene: string
  name: string
  teacher: string
  start: number
  stop: number
  /** Its samples are gone, so it cannot be played any more. */
  thinned: boolean
}

export type AskKind = 'choice' | 'number' | 'device'
export type Given = number | string

export interface Ask {
  at: number
  kind: AskKind
  ask: string
  options: string[]
  given: Given | null
  right: boolean | null
  /** Told once it was answered. */
  answer: Given | null
}

export interface IncidentWhole extends Incident {
  questions: Ask[]
  scores: { learner: string; answered: number; right: number; of: number }[]
}

export interface ToAsk {
  at: number
  kind: AskKind
  ask: string
  options: string[]
  answer: Given
  within: number
}

const ROOT = '/api/v1/labs/incidents'
const of = (id: string, what = '') => `${ROOT}/${encodeURIComponent(id)}${what}`

export const incidentApi = {
  list: (stop?: AbortSignal) => get<(Incident & { answered: number; of: number })[]>(ROOT, stop),
  one: (id: string, stop?: AbortSignal) => get<IncidentWhole>(of(id), stop),
  plan: (body: Omit<Incident, 'id' | 'teacher' | 'thinned'> & { questions: ToAsk[] }) => post<Incident>(ROOT, body),
  answer: (id: string, question: number, answer: Given) =>
    send<{ right: boolean; answer: Given }>('PUT', of(id, '/answers'), { question, answer }),
  remove: (id: string) => send<void>('DELETE', of(id)),
}
