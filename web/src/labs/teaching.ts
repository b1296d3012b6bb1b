/** The instructor's side of labs as the server gives it: classes, exercises, grades, attendance. Times as in `api`. */
import { ApiError, get, post, query, send, type Text } from '../api'
import type { AttemptListed, Claim, Course, Fault, Result } from './api'

export interface Person {
  name: string
  role: string
}

export interface Class {
  id: string
  course: string
  name: string
  teacher: string
  at: number
  members: string[]
}

export interface MemberAttempt extends AttemptListed {
  lab_name: Text | null
  /** Ids of the steps of its lab. */
  steps: string[]
  /** When something was last done in it. */
  active: number
  hints: number
  claims: Claim[]
  result: Result | null
}

export interface Member {
  learner: string
  points: number | null
  of: number | null
  passed: boolean | null
  attempt: MemberAttempt | null
}

/** Times in seconds of plant time. */
export interface HiddenFault {
  kind: string
  target: string
  size?: number
  swapped_with?: string
  after: number
  lasts?: number
  /** What the two are called; exercises of long ago have no names. */
  words?: { kind: Text; target: Text } | null
}

export interface Exercise {
  id: string
  group: string | null
  teacher: string
  fault: HiddenFault
  points: number
  detect: number
  diagnose: number
  at: number
  ended: number | null
  attempts: string[]
  /** Who could not get the fault, and why. */
  refused?: Record<string, string>
}

export interface Finding {
  detected: number | null
  diagnosed: number | null
  cause: boolean
  place: number
}

export interface Scored {
  attempt: string
  learner: string | null
  partner: string | null
  since: number
  score: { points: number; of: number; false: number; findings: Finding[] } | null
}

export interface TrueFault {
  kind: string
  target: string
  /** Seconds since 1970. */
  started: number
  ended: number | null
}

/** What could be broken on a line. */
export interface Target {
  kind: string
  name: Text
  targets: { id: string; name: Text }[]
}

export interface Grade {
  name: string
  learner: string
  course: string
  lab: string
  attempts: number
  gradings: number
  hints: number
  best: number | null
  of: number
  last: number | null
  certificate: string | null
  /** With whom it was done. */
  partners: string[]
}

export interface Attendance {
  person_times: number
  days: { day: string; course: string; number: number }[]
  records: { kind: string; start: string; stop: string; number: number }[]
}

export interface ToHide {
  group?: string
  attempt?: string
  fault: HiddenFault
  points: number
  detect: number
  diagnose: number
}

/** Who works on an attempt. */
export const people = (one: { learner: string | null; partner: string | null }) =>
  [one.learner, one.partner].filter(Boolean).join(' + ')

const ROOT = '/api/v1/labs'
const SLOW_MS = 90_000
const within = (parameters: Record<string, string>) =>
  query(Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== '')))
const ofGroup = (group: string, what = '') => `${ROOT}/classes/${encodeURIComponent(group)}${what}`

export const teaching = {
  people: (stop?: AbortSignal) => get<Person[]>(`${ROOT}/people`, stop),
  classes: (stop?: AbortSignal) => get<Class[]>(`${ROOT}/classes`, stop),
  form: (body: { course: string; name: string; members: string[] }) => post<Class>(`${ROOT}/classes`, body),
  putMembers: (group: string, members: string[]) => send<Class>('PUT', ofGroup(group, '/members'), { members }),
  dissolve: (group: string) => send<void>('DELETE', ofGroup(group)),
  live: (group: string, stop?: AbortSignal) =>
    get<Omit<Class, 'members'> & { members: Member[] }>(ofGroup(group, '/live'), stop),
  exercises: (stop?: AbortSignal) => get<Exercise[]>(`${ROOT}/exercises`, stop),
  exercise: (id: string, stop?: AbortSignal) =>
    get<Exercise & { scores: Scored[] }>(`${ROOT}/exercises/${encodeURIComponent(id)}`, stop),
  hide: (body: ToHide) => send<Exercise>('POST', `${ROOT}/exercises`, body, SLOW_MS),
  endExercise: (id: string) =>
    send<Exercise & { scores: Scored[] }>('POST', `${ROOT}/exercises/${encodeURIComponent(id)}/end`, {}, SLOW_MS),
  faults: (attempt: string, stop?: AbortSignal) =>
    get<TrueFault[]>(`${ROOT}/attempts/${encodeURIComponent(attempt)}/faults`, stop),
  classTargets: (group: string, stop?: AbortSignal) => get<Target[]>(ofGroup(group, '/targets'), stop),
  targets: (attempt: string, stop?: AbortSignal) =>
    get<Target[]>(`${ROOT}/attempts/${encodeURIComponent(attempt)}/targets`, stop),
  grades: (course: string, group: string, stop?: AbortSignal) =>
    get<Grade[]>(`${ROOT}/grade-book?${within({ course, group })}`, stop),
  gradeFile: (form: 'csv' | 'xlsx', parameters: { course: string; group: string; language: 'zh' | 'en' }) =>
    `${ROOT}/grade-book/${form}?${within(parameters)}`,
  attendance: (span: { first: string; last: string; course: string }, stop?: AbortSignal) =>
    get<Attendance>(`${ROOT}/attendance?${within(span)}`, stop),
  notePresent: (body: { course: string; day: string; learners: string[] }) =>
    post<{ noted: number }>(`${ROOT}/attendance`, body),
  handIn: (body: { campaign: string; kind: string; first: string; last: string; course?: string }) =>
    post<{ kind: string; number: number }>(`${ROOT}/attendance/hand-in`, body),
  /** Send a course as a ZIP; answers every fault in it, and then nothing has changed. */
  sendCourse,
  removeCourse: (course: string) => send<void>('DELETE', `${ROOT}/courses/${encodeURIComponent(course)}`),
}

async function sendCourse(file: File): Promise<{ course: Course } | { faults: Fault[] }> {
  const body = new FormData()
  body.append('file', file)
  let response: Response
  try {
    response = await fetch(`${ROOT}/courses`, { method: 'POST', body, signal: AbortSignal.timeout(SLOW_MS) })
  } catch (cause) {
    throw new ApiError(0, cause instanceof Error ? cause.message : String(cause))
  }
  const answer = (await response.json()) as Course & { detail?: Fault[] | string }
  if (response.status === 422 && Array.isArray(answer.detail)) return { faults: answer.detail }
  if (!response.ok) throw new ApiError(response.status, String(answer.detail ?? response.statusText))
  return { course: answer }
}
