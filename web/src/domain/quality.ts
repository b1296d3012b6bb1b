/**
 * OPC UA StatusCodes in words: the top two bits say how far to trust, the rest says why.
 * Source: OPC UA Part 6 annex A, StatusCode.csv.
 */

export type Severity = 'good' | 'uncertain' | 'bad'

/** The low 16 bits are flags (limit, overflow, …) and do not change the reason. */
const NAMED: ReadonlyMap<number, string> = new Map([
  [0x0000, 'good'],
  [0x0030, 'clamped'],
  [0x0096, 'local-override'],
  [0x4000, 'uncertain'],
  [0x4090, 'last-usable'],
  [0x408f, 'no-communication-last-usable'],
  [0x4091, 'substitute'],
  [0x4092, 'initial'],
  [0x4093, 'sensor-not-accurate'],
  [0x4094, 'out-of-range'],
  [0x4095, 'sub-normal'],
  [0x4209, 'simulated-value'],
  [0x420a, 'sensor-calibration'],
  [0x8000, 'bad'],
  [0x8005, 'communication-error'],
  [0x800a, 'timeout'],
  [0x8031, 'no-communication'],
  [0x8032, 'waiting-for-initial-data'],
  [0x8034, 'node-unknown'],
  [0x803a, 'not-readable'],
  [0x803c, 'bad-out-of-range'],
  [0x8074, 'type-mismatch'],
  [0x8089, 'configuration-error'],
  [0x808a, 'not-connected'],
  [0x808b, 'device-failure'],
  [0x808c, 'sensor-failure'],
  [0x808d, 'out-of-service'],
  [0x809b, 'no-data'],
  [0x809d, 'data-lost'],
])

export const QUALITY_WORDS: readonly string[] = [...NAMED.values(), 'other']

/** How far a value of this quality can be trusted; the reserved pattern `11` counts as bad. */
export function severity(quality: number): Severity {
  const bits = quality >>> 30
  return bits === 0 ? 'good' : bits === 1 ? 'uncertain' : 'bad'
}

/** Key of the words for a quality under `quality.` in the locale files. */
export function qualityWord(quality: number): string {
  return NAMED.get(quality >>> 16) ?? 'other'
}

/** The code as engineers look it up. */
export function qualityCode(quality: number): string {
  return `0x${(quality >>> 0).toString(16).toUpperCase().padStart(8, '0')}`
}
