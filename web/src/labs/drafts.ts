/** What somebody typed and has not applied yet, kept in this browser so that neither a reload nor a stop loses it. */
import type { Files } from './api'

const KEY = 'provenline.draft.'
const MOST = 12

interface Kept {
  at: number
  files: Files
  /** Of the configuration that they were made from. */
  version: string
}

function all(): [string, Kept][] {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(KEY))
    .map((key) => [key, JSON.parse(localStorage.getItem(key) ?? '{}') as Kept])
}

export function draftOf(attempt: string): Pick<Kept, 'files' | 'version'> {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY + attempt) ?? '{}') as Partial<Kept>
    return { files: kept.files ?? {}, version: kept.version ?? '' }
  } catch {
    return { files: {}, version: '' } // storage may be forbidden; the draft then lasts as long as the page
  }
}

/** Keep what differs from what runs; nothing of it removes the draft. Old drafts of other attempts go first. */
export function keepDraft(attempt: string, files: Files, version: string): void {
  try {
    if (Object.keys(files).length === 0) localStorage.removeItem(KEY + attempt)
    else localStorage.setItem(KEY + attempt, JSON.stringify({ at: Date.now(), files, version } satisfies Kept))
    const others = all().sort(([, one], [, other]) => other.at - one.at)
    for (const [key] of others.slice(MOST)) localStorage.removeItem(key)
  } catch {
    // as above
  }
}
