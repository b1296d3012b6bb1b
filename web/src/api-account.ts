/** Accounts as the server has them: who is signed in, who may be, and what was done. */
import { get, post, query, send } from './api'

export const ROLES = ['viewer', 'operator', 'trainee', 'instructor', 'evaluator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** What a token can be made for; the server refuses what its owner may not. */
export const FOR_TOKENS = [
  'view',
  'metrics',
  'annotate',
  'alarm-act',
  'write-samples',
  'command',
  'explore',
  'configure',
  'campaign-view',
  'campaign-run',
  'evidence-export',
  'lab-learn',
  'lab-teach',
  'audit-view',
] as const

/** Who looks at the page; without a name a visitor. */
export interface Who {
  kind: 'session' | 'token' | 'anonymous'
  name: string | null
  role: Role | null
  permissions: string[]
}

export interface User {
  name: string
  role: Role
  enabled: boolean
  /** Whether one was set yet. */
  password: boolean
  created: number
  /** Until when a one-time code waits to be used. */
  code_until: number | null
}

export interface SessionSeen {
  id: string
  opened: number
  seen: number
  address: string
  agent: string
  this: boolean
}

export interface Token {
  id: string
  label: string
  permissions: string[]
  made: number
  until: number
}

export interface AuditRecord {
  seq: number
  time: string
  actor: string
  role: string
  kind: string
  address: string
  action: string
  subject: string
  before: unknown
  after: unknown
}

export interface Verified {
  records: number
  head: string
  faults: string[]
}

const SESSION = '/api/v1/session'
const of = (name: string) => `/api/v1/users/${encodeURIComponent(name)}`

export const account = {
  who: (stop?: AbortSignal) => get<Who>(SESSION, stop),
  signIn: (name: string, password: string) => post<Who>(SESSION, { name, password }),
  setFirstPassword: (code: string, password: string) => post<Who>(`${SESSION}/code`, { code, password }),
  signOut: () => send<void>('DELETE', SESSION),
  changePassword: (old: string, password: string) => post<void>(`${SESSION}/password`, { old, new: password }),
  sessions: (name: string, stop?: AbortSignal) => get<SessionSeen[]>(`${of(name)}/sessions`, stop),
  endSessions: (name: string) => send<{ ended: number }>('DELETE', `${of(name)}/sessions`),
  tokens: (name: string, stop?: AbortSignal) => get<Token[]>(`${of(name)}/tokens`, stop),
  addToken: (name: string, label: string, permissions: string[], days: number) =>
    post<Token & { token: string }>(`${of(name)}/tokens`, { label, permissions, days }),
  revokeToken: (name: string, id: string) => send<void>('DELETE', `${of(name)}/tokens/${encodeURIComponent(id)}`),
  users: (stop?: AbortSignal) => get<User[]>('/api/v1/users', stop),
  addUser: (name: string, role: Role) => post<User & { code: string }>('/api/v1/users', { name, role }),
  changeUser: (name: string, change: { role?: Role; enabled?: boolean }) => send<User>('PATCH', of(name), change),
  resetUser: (name: string) => post<User & { code: string }>(`${of(name)}/code`, {}),
  audit: (text: string, before: number | null, stop?: AbortSignal) =>
    get<AuditRecord[]>(`/api/v1/audit?${query({ text, most: 100, ...(before === null ? {} : { before }) })}`, stop),
  verifyAudit: () => get<Verified>('/api/v1/audit/verify'),
  auditFile: '/api/v1/audit/export',
}
