/** One vehicle as it is drawn and told of: where it is and was last, how far to trust that, state, charge and load. */
import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue'
import type { Tag } from '../api'
import { useTrusted, type Trusted } from '../components/trusted'
import { useScene } from '../context'
import { glide, inMetres, nearestTurn, turnOf, type Glide, type Mover } from '../domain/floor'
import { groupOf, stateOfValue, type Group, type State } from '../domain/packml'
import { deviceName } from '../words'

export interface MoverView {
  mover: Mover
  name: string
  /** Where to draw it: where it is, or was when it was last heard of; null before that. */
  place: ShallowRef<Glide | null>
  turn: ShallowRef<number | null>
  x: Trusted
  y: Trusted
  state: ComputedRef<State>
  /** None where the vehicle tells no state. */
  group: ComputedRef<Group | null>
  battery: Trusted | null
  order: Trusted | null
  /** What it carries; empty when nothing, or when that is not known. */
  carries: ComputedRef<string>
  reason: Trusted | null
  /** Where it is cannot be believed now. */
  stale: ComputedRef<boolean>
  /** Why, and since when; empty when it can. */
  doubt: ComputedRef<string>
}

/** The state a device is in, unknown while its tag is not to be trusted. */
export function useState(tag: Tag | null): ComputedRef<State> {
  if (!tag) return computed(() => 'UNKNOWN')
  const { live } = useScene()
  const { trust } = useTrusted(() => tag)
  return computed(() => {
    const reading = live.reading(tag.path).value
    const doubted = trust.value.level === 'bad' || trust.value.level === 'waiting'
    return doubted || !reading ? 'UNKNOWN' : stateOfValue(reading.value, tag.states)
  })
}

export function useMover(mover: Mover): MoverView {
  const { live } = useScene()
  const trusted = (tag: Tag | null) => (tag ? useTrusted(() => tag) : null)
  const [x, y] = [useTrusted(() => mover.x), useTrusted(() => mover.y)]
  const heading = trusted(mover.heading)
  const load = trusted(mover.load)
  const place = shallowRef<Glide | null>(null)
  const turn = shallowRef<number | null>(null)
  let before: { x: number; y: number; time: number } | null = null

  const told = computed(() => {
    const [across, along] = [x.number.value, y.number.value]
    if (across === null || along === null) return null
    const times = [mover.x, mover.y].map((tag) => live.reading(tag.path).value?.time ?? 0)
    return { x: inMetres(across, mover.x.unit), y: inMetres(along, mover.y.unit), time: Math.max(...times) }
  })
  watch(
    told,
    (next) => {
      if (!next || (before && next.x === before.x && next.y === before.y)) return
      place.value = glide(before, next)
      before = next
    },
    { immediate: true },
  )
  watch(
    () => turnOf(heading?.number.value ?? null, mover.heading?.unit ?? ''),
    (next) => {
      if (next !== null) turn.value = turn.value === null ? next : nearestTurn(turn.value, next)
    },
    { immediate: true },
  )

  const state = useState(mover.state)
  const stale = computed(() => x.number.value === null || y.number.value === null)
  return {
    mover,
    name: deviceName(mover.device),
    place,
    turn,
    x,
    y,
    state,
    group: computed(() => (mover.state ? groupOf(state.value) : null)),
    battery: trusted(mover.battery),
    order: trusted(mover.order),
    carries: computed(() => {
      const doubted = load === null || load.trust.value.level === 'bad' || load.trust.value.level === 'waiting'
      return doubted || !mover.load ? '' : String(live.reading(mover.load.path).value?.value ?? '')
    }),
    reason: trusted(mover.reason),
    stale,
    doubt: computed(() => {
      const worse = x.number.value === null ? x : y
      return [worse.reason.value, worse.since.value].filter(Boolean).join(' ')
    }),
  }
}
