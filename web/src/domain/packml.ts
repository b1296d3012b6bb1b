/**
 * The 17 PackML states (ANSI/ISA-TR88.00.02), gathered into the few that an operator tells apart
 * from across the hall. Each group has a colour and a pattern (see `styles/tokens.css` and
 * `patterns.ts`), so no state is told by colour alone.
 */

export const GROUPS = [
  'running',
  'changing',
  'ready',
  'complete',
  'waiting',
  'held',
  'stopped',
  'aborted',
  'unknown',
] as const
export type Group = (typeof GROUPS)[number]

/** In the order of their PackTag numbers, 1 to 17. */
export const STATES = [
  'CLEARING',
  'STOPPED',
  'STARTING',
  'IDLE',
  'SUSPENDED',
  'EXECUTE',
  'STOPPING',
  'ABORTING',
  'ABORTED',
  'HOLDING',
  'HELD',
  'UNHOLDING',
  'SUSPENDING',
  'UNSUSPENDING',
  'RESETTING',
  'COMPLETING',
  'COMPLETE',
] as const
export type State = (typeof STATES)[number] | 'UNKNOWN'

const GROUP_OF: Readonly<Record<State, Group>> = {
  EXECUTE: 'running',
  STARTING: 'changing',
  RESETTING: 'changing',
  CLEARING: 'changing',
  UNHOLDING: 'changing',
  UNSUSPENDING: 'changing',
  IDLE: 'ready',
  COMPLETING: 'complete',
  COMPLETE: 'complete',
  SUSPENDING: 'waiting', // something outside the machine: starved or blocked
  SUSPENDED: 'waiting',
  HOLDING: 'held', // something inside the machine, or its operator
  HELD: 'held',
  STOPPING: 'stopped',
  STOPPED: 'stopped',
  ABORTING: 'aborted',
  ABORTED: 'aborted',
  UNKNOWN: 'unknown',
}

/** The state a name stands for; names from elsewhere are unknown, never guessed. */
export function stateOf(name: string): State {
  return name in GROUP_OF ? (name as State) : 'UNKNOWN'
}

export function groupOf(state: State): Group {
  return GROUP_OF[state]
}

/** The state that a raw value stands for, by the tag's own table or else by PackTag number. */
export function stateOfValue(value: unknown, table: Readonly<Record<string, string>>): State {
  if (value === null || value === undefined) return 'UNKNOWN'
  const named = table[String(value)]
  if (named !== undefined) return stateOf(named)
  if (Object.keys(table).length > 0) return 'UNKNOWN'
  return typeof value === 'number' ? (STATES[value - 1] ?? 'UNKNOWN') : stateOf(String(value).toUpperCase())
}
