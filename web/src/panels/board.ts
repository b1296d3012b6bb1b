/**
 * What the panels of one page share: the window, and what was asked from the server about it. Each
 * question is asked once for all of them, and only when there is a panel that wants the answer.
 */
import {
  computed,
  effectScope,
  inject,
  onScopeDispose,
  provide,
  shallowReactive,
  type ComputedRef,
  type InjectionKey,
  type Ref,
} from 'vue'
import {
  api,
  milliseconds,
  type Asked,
  type DeviceStates,
  type Indicators,
  type Losses,
  type Scene,
  type Tag,
  type UnitStops,
  type WindowName,
} from '../api'
import { sceneApi, type Details } from '../api-scene'
import { devicesOf, type DeviceView } from '../domain/arrange'
import { serverNow } from '../live/clock'
import { usePast } from '../live/past'
import { usePeriod } from '../live/period'
import { usePolled, type Polled } from '../live/polled'
import { useSight } from '../live/sight'
import type { Live } from '../live/store'
import { deviceName } from '../words'

export interface Span {
  start: number
  stop: number
}

export interface Board {
  devices: ComputedRef<DeviceView[]>
  /** What a device is called, by its path. */
  names: ComputedRef<ReadonlyMap<string, string>>
  figures: Polled<Indicators>
  /** The figures that lie behind the main ones. */
  details: () => Polled<Details>
  states: () => Polled<{ span: Span; rows: DeviceStates[] }>
  losses: () => Polled<Losses[]>
  stops: () => Polled<UnitStops[]>
  /** Anything else about the window, asked again every few seconds while the panel is there. */
  asked: <T>(ask: (asked: Asked, stop: AbortSignal) => Promise<T>, every?: number) => Polled<T>
  /** The span of figures; a shift that is still running ends now, not where it is planned to end. */
  settled: ComputedRef<Span | null>
  /** States and trends run up to now, unless the past is looked at; only a shift has a beginning of its own. */
  spanNow: () => Span
  /** How long that is, ms. */
  length: ComputedRef<number>
  /** What is shown is what the server said last; it says nothing more. */
  outdated: ComputedRef<boolean>
  /** The window is the running shift, and none is running. */
  noShift: ComputedRef<boolean>
  /** What all figures are of alone; empty for everything that was made. */
  product: ComputedRef<string>
}

const EVERY_MS = 5000
/** What is over changes only where data came late. */
const PAST_EVERY_MS = 60_000
/** What lies behind the figures takes the server longer to work out. */
const DETAILS_EVERY_MS = 10_000
const LENGTH_MS: Record<WindowName, number> = { '15min': 900_000, '1h': 3_600_000, '8h': 28_800_000, shift: 28_800_000 }

const BOARD: InjectionKey<Board> = Symbol('board')

export function useBoard(): Board {
  const found = inject(BOARD)
  if (!found) throw new Error('a panel stands outside of a board')
  return found
}

export function provideBoard(
  scene: Scene,
  at: { live: Live; windowName: ComputedRef<WindowName>; tags: ComputedRef<readonly Tag[]> },
): Board {
  const { windowName, live } = at
  const { asked: period, past: over, product } = usePeriod()
  const { span: past } = usePast()
  const chosen = computed(() => JSON.stringify(period.value))
  const scope = effectScope()
  const poll = <T>(ask: (asked: Asked, stop: AbortSignal) => Promise<T>, every: number, seen: () => boolean) =>
    usePolled((stop) => ask(period.value, stop), over.value ? PAST_EVERY_MS : every, chosen, seen)
  const asked = <T>(ask: (asked: Asked, stop: AbortSignal) => Promise<T>, every = EVERY_MS): Polled<T> => {
    const sight = useSight()
    return poll(ask, every, () => sight.value)
  }
  /** Asked once for all panels that want it, for as long as one of them can be seen. */
  const once = <T>(ask: (asked: Asked, stop: AbortSignal) => Promise<T>, every = EVERY_MS): (() => Polled<T>) => {
    const wanted = shallowReactive(new Set<Readonly<Ref<boolean>>>())
    let polled: Polled<T> | undefined
    return () => {
      const sight = useSight()
      wanted.add(sight)
      onScopeDispose(() => wanted.delete(sight))
      return (polled ??= scope.run(() => poll(ask, every, () => [...wanted].some((one) => one.value))) as Polled<T>)
    }
  }

  const devices = computed(() => devicesOf(scene, new Map(at.tags.value.map((tag) => [tag.path, tag]))))
  const figures = asked((window, stop) => api.indicators(scene.id, window, stop))
  const settled = computed(() => {
    const window = figures.data.value?.window
    return window ? { start: milliseconds(window.start), stop: Math.min(milliseconds(window.stop), serverNow()) } : null
  })
  function spanNow(): Span {
    if (past.value) return past.value
    const stop = serverNow()
    const start = windowName.value === 'shift' ? settled.value?.start : undefined
    return { start: start ?? stop - LENGTH_MS[windowName.value], stop }
  }
  const board: Board = {
    product,
    devices,
    names: computed(() => new Map(devices.value.map(({ device }) => [device.path, deviceName(device)]))),
    figures,
    asked,
    details: once((window, stop) => sceneApi.details(scene.id, window, stop), DETAILS_EVERY_MS),
    states: once(async (_, stop) => {
      const span = spanNow()
      const of = product.value ? { product: product.value } : {}
      return { span, rows: await api.states(scene.id, { ...span, ...of }, stop) }
    }),
    losses: once((window, stop) => api.losses(scene.id, window, stop)),
    stops: once((window, stop) => api.stops(scene.id, window, stop)),
    settled,
    spanNow,
    length: computed(() => {
      if (past.value) return past.value.stop - past.value.start
      if (windowName.value !== 'shift' || !settled.value) return LENGTH_MS[windowName.value]
      return Math.max(1, Math.ceil((settled.value.stop - settled.value.start) / 60_000)) * 60_000
    }),
    outdated: computed(() => !live.link.value.up || figures.error.value?.status === 0),
    noShift: computed(() => !over.value && windowName.value === 'shift' && figures.error.value?.status === 404),
  }
  provide(BOARD, board)
  return board
}
