/** Frames of the live feed to readings by path: pure, so that every odd order of frames can be tested. */
import type { Frame } from '../api'
import type { Reading } from '../domain/trust'

export interface Feed {
  /** Paths of the last snapshot, which rows index; null before the first. */
  readonly paths: readonly string[] | null
  readonly seq: number
}

export const NO_FEED: Feed = { paths: null, seq: -1 }

export interface Taken {
  readonly feed: Feed
  readonly readings: readonly (readonly [path: string, reading: Reading])[]
  /** The readings are all there is: whatever is not among them is no longer known. */
  readonly complete: boolean
}

/**
 * Take in one frame; `before` tells what was known of a path, so that a quality that lasts keeps its
 * beginning. Changes that came before any snapshot cannot be placed and are passed over.
 */
export function takeFrame(feed: Feed, frame: Frame, before: (path: string) => Reading | undefined): Taken {
  const paths = frame.snapshot ? (frame.paths ?? feed.paths) : feed.paths
  if (paths === null) return { feed, readings: [], complete: false }
  const readings: [string, Reading][] = []
  for (const [index, value, quality, time, received, origin] of frame.rows) {
    const path = paths[index]
    if (path === undefined) continue
    const last = before(path)
    const since = last?.quality === quality ? last.since : time
    readings.push([path, { value, quality, time, received, origin, since }])
  }
  return { feed: { paths, seq: frame.seq }, readings, complete: frame.snapshot }
}
