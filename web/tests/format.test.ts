import { describe, expect, it } from 'vitest'
import {
  ageOf,
  decimalsFor,
  formatDate,
  formatTime,
  formatValue,
  percentNumber,
  unitSymbol,
  wordsOf,
  type Written,
  wholeStep,
} from '../src/domain/format'

const written = (change: Partial<Written> = {}): Written => ({
  kind: 'analog',
  role: null,
  unit: '1',
  deadband: 0,
  ...change,
})

describe('a number', () => {
  it.each([
    [12.3456, 0.01, 2],
    [12.3456, 1, 0],
    [0.5, 0.1, 1],
    [0.09312, 0, 4],
    [8.12, 0, 2],
    [14.24, 0, 1],
    [1041, 0, 0],
    [0, 0, 0],
  ])('%f with deadband %f shows %i decimals', (value, deadband, decimals) =>
    expect(decimalsFor(value, deadband)).toBe(decimals),
  )

  it('keeps its width while it moves', () => {
    expect(formatValue(12, written(), 'en')).toBe('12.00')
    expect(formatValue(12.345, written(), 'en')).toBe('12.35')
  })

  it('that counts has no decimals and is grouped', () =>
    expect(formatValue(1234567, written({ kind: 'counter' }), 'en')).toBe('1,234,567'))
  it('of pieces has no decimals either, whatever its kind', () =>
    expect(formatValue(60, written({ unit: '{part}' }), 'en')).toBe('60'))
  it('of an energy meter keeps moving where a counter would stand still', () => {
    expect(formatValue(18_281.44, written({ kind: 'energy', unit: 'kW.h' }), 'en')).toBe('18,281.4')
  })
  it('that is missing is a dash, never a zero', () => {
    expect(formatValue(null, written(), 'en')).toBe('—')
    expect(formatValue(Number.NaN, written(), 'en')).toBe('—')
  })
  it('as a share is read in percent, above 100 too', () => {
    expect(percentNumber(0.7424, 'en')).toBe('74.2')
    expect(percentNumber(1.037, 'en')).toBe('103.7')
  })
})

describe('an age', () => {
  it.each([
    [400, 'now', 0],
    [1500, 's', 1],
    [119_000, 's', 119],
    [120_000, 'min', 2],
    [7_200_000, 'h', 2],
    [172_800_000, 'd', 2],
    [-50, 'now', 0],
  ] as const)('of %i ms is told in %s', (ms, unit, n) => expect(ageOf(ms)).toEqual({ unit, n }))
})

describe('a time', () => {
  const evening = Date.UTC(2026, 2, 1, 17, 30, 5)
  it('is the site’s, not the reader’s', () => {
    expect(formatTime(evening, 'Asia/Shanghai')).toBe('01:30:05')
    expect(formatTime(evening, 'Europe/Berlin')).toBe('18:30:05')
    expect(formatDate(evening, 'Asia/Shanghai')).toBe('2026-03-02')
  })
  it('of another day carries its date', () => {
    expect(formatTime(evening, 'Asia/Shanghai', { now: evening + 86_400_000, seconds: false })).toBe('03-02 01:30')
  })
  it('at midnight is 00, not 24', () => expect(formatTime(Date.UTC(2026, 0, 1, 16), 'Asia/Shanghai')).toBe('00:00:00'))
})

describe('a unit', () => {
  const piece = (word: string) => ({ piece: '件' })[word] ?? word
  it.each([
    ['kW.h/{piece}', 'kWh/件'],
    ['{piece}', '件'],
    ['1', ''],
    ['Cel', '°C'],
    ['ms', 'ms'],
    ['us', 'µs'],
    ['/min', '/min'],
  ])('%s is read as %s', (ucum, symbol) => expect(unitSymbol(ucum, piece)).toBe(symbol))
})

it('a name falls back to the other language rather than to nothing', () => {
  expect(wordsOf({ zh: '压机', en: '' }, 'en')).toBe('压机')
  expect(wordsOf({ zh: '', en: 'Press' }, 'zh-CN')).toBe('Press')
  expect(wordsOf(undefined, 'en')).toBe('')
})

it('a step is told in the largest unit of which it is a whole number', () => {
  expect(wholeStep(60)).toEqual({ n: 1, unit: 'min' })
  expect(wholeStep(900)).toEqual({ n: 15, unit: 'min' })
  expect(wholeStep(86_400)).toEqual({ n: 1, unit: 'd' })
  expect(wholeStep(90)).toEqual({ n: 90, unit: 's' })
})
