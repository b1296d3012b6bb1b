/** Records of single parts, decisions and sessions, sorted by what each value means. */
import type { Tag, Value } from '../api'
import type { PieceRecord } from '../api-scene'

export interface Piece {
  key: string
  device: string
  time: number
  simulated: boolean
  /** What it is called: the part, or the session's own name. */
  name: string
  /** What was judged, decided, or how it ended. */
  verdict: string
  /** What it really was; null where nobody said. */
  reference: string | null
  /** Whether the judgement was right; null where that is not known. */
  right: boolean | null
  /** Whether the verdict lets it pass. */
  pass: boolean
  /** Where on the part, each 0…1 of the declared range; null where no place is told. */
  place: { x: number; y: number } | null
  /** Other words that came with it, e.g. the kind of defect; empty ones left out. */
  words: { tag: Tag; text: string }[]
  /** Other numbers that came with it, shares first. */
  numbers: { tag: Tag; value: number }[]
}

const NAMES = ['part', 'session']
const JUDGES = ['verdict', 'decision']
const KNOWN = new Set([...NAMES, ...JUDGES, 'reference-verdict', 'position-x', 'position-y', 'state', 'stop-reason'])
/** What says nothing of this one piece. */
const STANDING = new Set(['counter', 'energy', 'state'])
const NOT_OF_THE_PIECE = new Set([
  'product',
  'job',
  'power',
  'ideal-cycle',
  'buffer-level',
  'latency-up',
  'latency-down',
  'loss',
])

export function pieceOf(record: PieceRecord, tags: ReadonlyMap<string, Tag>): Piece {
  const told = Object.entries(record.values).flatMap(([path, value]) => {
    const tag = tags.get(path)
    return tag && value !== null ? [{ tag, value }] : []
  })
  const by = (roles: readonly string[]) => told.find(({ tag }) => tag.role !== null && roles.includes(tag.role))
  const verdict = String(by(JUDGES)?.value ?? '')
  const rest = told.filter(
    ({ tag }) =>
      !STANDING.has(tag.kind) && !(tag.role !== null && (KNOWN.has(tag.role) || NOT_OF_THE_PIECE.has(tag.role))),
  )
  return {
    key: `${record.device} ${record.time}`,
    device: record.device,
    time: record.time,
    simulated: record.simulated,
    name: String(by(NAMES)?.value ?? ''),
    verdict,
    reference: record.reference,
    right: record.right,
    pass: record.accepted ?? true,
    place: placeOf(by(['position-x']), by(['position-y'])),
    words: rest.flatMap(({ tag, value }) => (typeof value === 'string' && value !== '' ? [{ tag, text: value }] : [])),
    numbers: rest
      .flatMap(({ tag, value }) => (typeof value === 'number' ? [{ tag, value }] : []))
      .sort((a, b) => Number(b.tag.unit === '1') - Number(a.tag.unit === '1')),
  }
}

interface Told {
  tag: Tag
  value: Value
}

function placeOf(x: Told | undefined, y: Told | undefined): Piece['place'] {
  const [right, up] = [shareOf(x), shareOf(y)]
  return right === null || up === null ? null : { x: right, y: up }
}

function shareOf(told: Told | undefined): number | null {
  if (!told || typeof told.value !== 'number') return null
  const { low, high } = told.tag
  if (low === null || high === null || high <= low) return null
  return Math.min(1, Math.max(0, (told.value - low) / (high - low)))
}
