import { describe, expect, it } from 'vitest'
import type { Alarm } from '../src/api-alarms'
import { byDevice, byUrgency, isAbout, isShown, isUnseen, newlyUnseen, summary } from '../src/domain/alarms'

const NONE = { zh: '', en: '' }

function alarm(change: Partial<Alarm> = {}): Alarm {
  return {
    id: 'cq/line:oil',
    scene: 'line',
    scope: 'cq/line/main/press/oil',
    name: NONE,
    consequence: NONE,
    response: NONE,
    priority: 'medium',
    state: 'unacknowledged',
    active: true,
    acknowledged: false,
    since: 1000,
    active_since: 1000,
    value: 71,
    simulated: true,
    latching: false,
    max_shelving: 28_800,
    shelving: null,
    kind: 'limit',
    limit: 70,
    side: 'above',
    unit: 'Cel',
    shown: 'number',
    ...change,
  }
}

describe('what stands', () => {
  it('tells what nobody has seen from what is put aside', () => {
    const states = (test: (one: Alarm) => boolean) =>
      (
        ['unacknowledged', 'acknowledged', 'returned', 'latched-unacknowledged', 'shelved', 'suppressed'] as const
      ).filter((state) => test(alarm({ state })))
    expect(states(isUnseen)).toEqual(['unacknowledged', 'returned', 'latched-unacknowledged'])
    expect(states((one) => !isShown(one))).toEqual(['shelved', 'suppressed'])
  })

  it('names the most urgent of what nobody has seen, though something seen is more urgent', () => {
    const seen = alarm({ id: 'a', priority: 'critical', state: 'acknowledged' })
    const unseen = alarm({ id: 'b', priority: 'low' })
    const shelved = alarm({ id: 'c', priority: 'critical', state: 'shelved' })
    expect(summary([seen, unseen, shelved])).toEqual({ shown: 2, unseen: 1, worst: unseen })
    expect(summary([seen, shelved]).worst).toBe(seen)
    expect(summary([shelved]).worst).toBeNull()
  })

  it('is ordered by urgency, then unseen, then newest', () => {
    const order = [
      alarm({ id: 'high', priority: 'high', since: 1 }),
      alarm({ id: 'unseen', since: 5 }),
      alarm({ id: 'newer', since: 9, state: 'acknowledged' }),
      alarm({ id: 'older', since: 2, state: 'acknowledged' }),
    ]
    expect([...order].reverse().sort(byUrgency)).toEqual(order)
  })

  it('belongs to whatever its path lies in, and not to a namesake', () => {
    expect(isAbout(alarm(), 'cq/line')).toBe(true)
    expect(isAbout(alarm(), 'cq/line/main/press/oil')).toBe(true)
    expect(isAbout(alarm(), 'cq/line/main/pre')).toBe(false)
  })
})

describe('a flood', () => {
  it('is one row a device, the one that alarmed first on top', () => {
    const late = alarm({ id: 'late', scope: 'cq/line/main/belt', active_since: 50 })
    const first = alarm({ id: 'first', active_since: 10, priority: 'low' })
    const second = alarm({ id: 'second', scope: 'cq/line/main/press', active_since: 70, priority: 'high' })
    const groups = byDevice([late, second, first])
    expect(groups.map((group) => group.path)).toEqual(['cq/line/main/press', 'cq/line/main/belt'])
    expect(groups[0]?.alarms.map((one) => one.id)).toEqual(['first', 'second'])
    expect(groups[0]?.worst).toBe('high')
  })
})

describe('a sound', () => {
  it('is made for what newly calls, and not for what was heard before or acknowledged', () => {
    const old = alarm({ id: 'old' })
    const acknowledged = alarm({ id: 'seen', state: 'acknowledged' })
    expect(newlyUnseen([old], [old, acknowledged])).toEqual([])
    expect(newlyUnseen([old, acknowledged], [old, alarm({ id: 'seen' })])).toEqual(['seen'])
  })
})
