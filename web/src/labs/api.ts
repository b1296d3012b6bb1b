/**
 * Labs as the server gives them: courses, attempts on a line of one's own, results.
 *
 * Times are milliseconds since 1970 UTC; words come in both languages, and HTML among them is safe already.
 */
import { get, post, query, send, type Text } from '../api'

/** Starting a line computes its past first. */
const START_MS = 240_000
const SLOW_MS = 90_000

export interface LabListed {
  id: string
  name: Text
  minutes: number
  points: number
  /** The most points one ever had in it. */
  best: number | null
}

export interface Course {
  id: string
  name: Text
  summary: Text
  goals: Text[]
  /** Share of all points from which on there is a certificate. */
  pass: number
  points: number
  minutes: number
  packaged: boolean
  enrolled: boolean
  standing: { points: number; share: number; passed: boolean }
  labs: LabListed[]
  name_certified?: string | null
}

/** One thing wrong in a configuration or a course. */
export interface Fault {
  file: string
  path: string
  message: string
  hint: string
  line: number | null
}

export interface Question {
  id: string
  kind: 'choice' | 'several' | 'number' | 'word'
  points: number
  ask: Text
  options: Text[]
  unit: string
}

export interface Hint {
  number: number
  cost: number
  read: boolean
  text: Text | null
}

export interface Step {
  id: string
  points: number
  title: Text
  text: Text
  checks: { id: string; points: number }[]
  questions: Question[]
  hints: Hint[]
}

export interface LabDocument {
  course: string
  id: string
  name: Text
  goals: Text[]
  minutes: number
  points: number
  scene: string
  network: string | null
  editable: boolean
  diagnosis: number | null
  title: Text
  introduction: Text
  steps: Step[]
}

export type Answer = number | number[] | string
export type SandboxState = 'starting' | 'ready' | 'broken' | 'stopped'

export interface Claim {
  cause: string
  place: string
  made: number
  begun: number | null
}

export interface Outcome {
  id: string
  step: string | null
  part: 'check' | 'question' | 'diagnosis'
  passed: boolean
  points: number
  of: number
  why: Text
  seen: string
  /** It was answered at all; a check always is. */
  given: boolean
}

export interface Result {
  points: number
  of: number
  at: number
  outcomes: Outcome[]
  /** Where the server has just graded: each step after its hints. */
  steps?: { id: string; earned: number; hints: number; points: number; of: number }[]
  diagnosis?: number
}

export interface AttemptListed {
  id: string
  learner: string | null
  /** Who works on it together with them. */
  partner: string | null
  course: string
  lab: string
  practice: boolean
  begun: number
  ended: number | null
  sandbox: { id: string; state: SandboxState; reason: string | null } | null
}

export interface Work {
  answers: Record<string, Answer>
  /** Questions whose answers stand, for they were graded. */
  fixed: string[]
  claims: Claim[]
}

export interface Attempt extends AttemptListed, Work {
  lab_document: LabDocument | null
  results: Result[]
  /** By which a partner joins; null where nobody can. */
  code: string | null
  /** When a configuration was last applied. */
  applied: number | null
}

export interface WireMessage {
  number: number
  time: number
  source: string
  protocol: string
  direction: 'sent' | 'received'
  summary: string
  fields: [string, string][]
  raw: string
}

/** What could be broken, and where. */
export interface Choice {
  cause: string
  name: Text
  places: { id: string; name: Text }[]
}

export interface Certificate {
  code: string
  name: string
  course: string
  course_name: Text
  points: number
  of: number
  at: number
}

export type Files = Record<string, string>

/** What a line runs with, and what it began with. */
export interface Configuration {
  files: Files
  start: Files
  /** Tells one from another. */
  version: string
}

const ROOT = '/api/v1/labs'
const ofCourse = (course: string) => `${ROOT}/courses/${encodeURIComponent(course)}`
const ofAttempt = (attempt: string, what = '') => `${ROOT}/attempts/${encodeURIComponent(attempt)}${what}`
const put = <T>(address: string, body: unknown) => send<T>('PUT', address, body, SLOW_MS)

export const labs = {
  courses: (stop?: AbortSignal) => get<{ courses: Course[]; faults: Fault[] }>(`${ROOT}/courses`, stop),
  course: (course: string, stop?: AbortSignal) => get<Course>(ofCourse(course), stop),
  lab: (course: string, lab: string, stop?: AbortSignal) =>
    get<LabDocument>(`${ofCourse(course)}/labs/${encodeURIComponent(lab)}`, stop),
  enrol: (course: string, name?: string) =>
    put<{ name: string }>(`${ofCourse(course)}/enrolment`, name ? { name } : {}),
  leave: (course: string) => send<void>('DELETE', `${ofCourse(course)}/enrolment`),
  /** `ticket`: anything that nobody guesses, under which `line` tells of practice that starts without a name. */
  begin: (course: string, lab: string, ticket: string | null) =>
    send<Attempt>(
      'POST',
      `${ofCourse(course)}/labs/${encodeURIComponent(lab)}/attempts`,
      ticket === null ? {} : { practice: true, ticket },
      START_MS,
    ),
  /** How one's own line stands, or the one that starts for a ticket. */
  line: (ticket: string | null, stop?: AbortSignal) =>
    get<{ state: SandboxState | null; progress: number | null }>(
      ticket === null ? `${ROOT}/line` : `${ROOT}/line?${query({ ticket })}`,
      stop,
    ),
  /** Work on somebody's attempt together with them, by its code. */
  join: (course: string, lab: string, code: string) =>
    post<Attempt>(`${ofCourse(course)}/labs/${encodeURIComponent(lab)}/partner`, { code }),
  /** Undo a pair. */
  part: (attempt: string) => send<void>('DELETE', ofAttempt(attempt, '/partner')),
  attempts: (stop?: AbortSignal) => get<AttemptListed[]>(`${ROOT}/attempts`, stop),
  attempt: (attempt: string, stop?: AbortSignal) => get<Attempt>(ofAttempt(attempt), stop),
  files: (attempt: string, stop?: AbortSignal) => get<Configuration>(ofAttempt(attempt, '/files'), stop),
  /** `version`: of what was changed; refused as `files-changed` where something else runs by now. */
  apply: (attempt: string, files: Files, version: string) =>
    put<{ faults: Fault[]; version: string }>(ofAttempt(attempt, '/files'), { files, version }),
  answer: (attempt: string, answers: Record<string, Answer>) => put<Work>(ofAttempt(attempt, '/answers'), { answers }),
  hint: (attempt: string, step: string) =>
    post<{ step: string; number: number; cost: number; text: Text }>(ofAttempt(attempt, '/hints'), { step }),
  choices: (attempt: string, stop?: AbortSignal) => get<Choice[]>(ofAttempt(attempt, '/choices'), stop),
  claim: (attempt: string, claim: { cause: string; place: string; begun?: number }) =>
    post<Claim>(ofAttempt(attempt, '/claims'), claim),
  messages: (attempt: string, after: number, stop?: AbortSignal) =>
    get<WireMessage[]>(`${ofAttempt(attempt, '/messages')}?${query({ after, limit: 500 })}`, stop),
  reset: (attempt: string) => send<Attempt>('POST', ofAttempt(attempt, '/reset'), {}, START_MS),
  resume: (attempt: string) => send<Attempt>('POST', ofAttempt(attempt, '/resume'), {}, START_MS),
  grade: (attempt: string) => send<Result>('POST', ofAttempt(attempt, '/grade'), {}, SLOW_MS),
  end: (attempt: string) => send<AttemptListed>('POST', ofAttempt(attempt, '/end'), {}, SLOW_MS),
  certify: (course: string) => post<Certificate>(`${ofCourse(course)}/certificate`, {}),
  certificate: (code: string, stop?: AbortSignal) =>
    get<Certificate>(`/api/v1/certificates/${encodeURIComponent(code)}`, stop),
  certificateFile: (code: string, language: 'zh' | 'en') =>
    `${ROOT}/certificates/${encodeURIComponent(code)}/pdf?${query({ language })}`,
}
