/** Where in a tag's past its values cannot be trusted, as stretches that a chart can mark. */
import type { History } from '../api'
import { qualityWord, severity } from './quality'

export interface Doubt {
  start: number
  stop: number
  level: 'uncertain' | 'bad'
  /** Key of the words under `quality.` in the locale files. */
  word: string
}

/** One bucket: what its worst sample says; null when nothing in it is in doubt. */
export function doubtOf(history: History, i: number): Pick<Doubt, 'level' | 'word'> | null {
  const quality = history.quality[i] ?? 0
  const level = severity(quality)
  if ((history.count[i] ?? 0) === 0 || level === 'good') return null
  return { level, word: qualityWord(quality) }
}

/** Neighbouring buckets of one kind become one stretch; `stop` ends the last bucket. */
export function doubts(history: History, stop: number): Doubt[] {
  const found: Doubt[] = []
  history.start.forEach((start, i) => {
    const doubt = doubtOf(history, i)
    if (!doubt) return
    const end = history.start[i + 1] ?? stop
    const last = found.at(-1)
    if (last && last.stop === start && last.level === doubt.level && last.word === doubt.word) last.stop = end
    else found.push({ start, stop: end, ...doubt })
  })
  return found
}
