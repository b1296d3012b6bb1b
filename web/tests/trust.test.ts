import { describe, expect, it } from 'vitest'
import { QUALITY_WORDS, qualityCode, qualityWord, severity } from '../src/domain/quality'
import { isSimulated, judge, type Reading } from '../src/domain/trust'

const NOW = 1_760_000_000_000
const UP = { up: true, lastHeard: NOW }
const TAG = { stale_after: 10 }
const fresh = (change: Partial<Reading> = {}): Reading => ({
  value: 12.5,
  quality: 0,
  time: NOW - 500,
  received: NOW - 480,
  origin: 0,
  since: NOW - 60_000,
  ...change,
})

describe('a quality', () => {
  it.each([
    [0, 'good'],
    [0x00300000, 'good'],
    [0x40940000, 'uncertain'],
    [0x80310000, 'bad'],
    [0xc0000000, 'bad'],
  ] as const)('of %i is %s by its top two bits', (code, level) => expect(severity(code)).toBe(level))

  it('is named by its upper half, whatever flags follow', () => {
    expect(qualityWord(0x80310000)).toBe('no-communication')
    expect(qualityWord(0x80310400)).toBe('no-communication')
  })

  it('without a name shows its number', () => {
    expect(qualityWord(0x80ff0000)).toBe('other')
    expect(QUALITY_WORDS).toContain('other')
    expect(qualityCode(0x80ff0000)).toBe('0x80FF0000')
  })
})

describe('a reading', () => {
  it('that is recent and good needs no reason', () => {
    expect(judge(fresh(), TAG, NOW, UP)).toMatchObject({ level: 'good', reason: '' })
  })

  it('that never came is waited for, not good and not bad', () => {
    expect(judge(undefined, TAG, NOW, UP)).toMatchObject({ level: 'waiting', reason: 'no-data-yet' })
  })

  it('that the server calls silent says so, and since when', () => {
    const judged = judge(fresh({ quality: 0x80310000, value: null, since: NOW - 30_000 }), TAG, NOW, UP)
    expect(judged).toMatchObject({ level: 'bad', quality: 'no-communication', since: NOW - 30_000 })
  })

  it('grows stale on the page even if the server forgets to say so', () => {
    const reading = fresh({ time: NOW, received: NOW })
    expect(judge(reading, TAG, NOW + 11_900, UP).level).toBe('good')
    expect(judge(reading, TAG, NOW + 12_100, UP)).toMatchObject({ level: 'bad', reason: 'silent', since: NOW })
  })

  it('from a device with a slow clock is not stale while it keeps arriving', () => {
    expect(judge(fresh({ time: NOW - 3_600_000, received: NOW - 500 }), TAG, NOW, UP).level).toBe('good')
  })

  it('from a device with a fast clock is uncertain and says by how much', () => {
    expect(judge(fresh({ time: NOW + 3000, received: NOW }), TAG, NOW, UP)).toMatchObject({
      level: 'uncertain',
      reason: 'clock-ahead',
      seconds: 3,
    })
  })

  it('is not believed while the page has lost the server, however good it was', () => {
    expect(judge(fresh(), TAG, NOW, { up: false, lastHeard: NOW - 9000 })).toMatchObject({
      level: 'bad',
      reason: 'page-offline',
      since: NOW - 9000,
    })
  })

  it('keeps its simulated mark from the tag or from the sample', () => {
    expect(isSimulated(fresh(), { simulated: false })).toBe(false)
    expect(isSimulated(fresh({ origin: 1 }), { simulated: false })).toBe(true)
    expect(isSimulated(undefined, { simulated: true })).toBe(true)
  })
})
