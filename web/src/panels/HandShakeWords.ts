/** What the words of a hand-shake are called; a plant's own words stay as they are. */
import { i18n } from '../words'

export function wordName(word: string): string {
  const { t, te } = i18n.global
  const key = `floor.word.${word}`
  return te(key) ? t(key) : word
}
