/** Points and times as labs write them. */
import { durationWords } from '../words'

/** `3`, `2.5`, `1.67`: no more digits than there are. */
export const plain = (points: number): string => String(Math.round(points * 100) / 100)

/** Seconds as people read them; a dash where there are none. */
export const seconds = (value: number | null | undefined): string =>
  value === null || value === undefined ? '—' : durationWords(value * 1000)
