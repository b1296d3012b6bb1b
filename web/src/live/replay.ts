/** A replay of a scene: moves the page's time, and gives out what was on show then, frame by frame. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { ApiError, get, query, type Frame } from '../api'
import { BEAT_MS, Reel, stepOf, type Piece, type Speed } from '../domain/replay'
import type { Range } from '../domain/zoom'
import { standAt } from './clock'
import { LiveTable, type Live } from './store'

export interface Replay {
  live: Live
  /** The moment that is shown, ms. */
  at: Ref<number>
  playing: Ref<boolean>
  speed: Ref<Speed>
  /** Waiting for the server. */
  loading: Ref<boolean>
  error: ShallowRef<ApiError | null>
  seek: (moment: number) => void
  play: () => void
  pause: () => void
  /** Ask again after an error. */
  retry: () => void
}

const address = (scene: string, piece: Piece) =>
  `/api/v1/scenes/${encodeURIComponent(scene)}/replay?${query({ ...piece })}`

export function useReplay(scene: string, span: Range, begin: { at: number; speed: Speed; playing: boolean }): Replay {
  const table = new LiveTable()
  const at = ref(begin.at)
  const speed = ref<Speed>(begin.speed)
  const playing = ref(begin.playing)
  const error = shallowRef<ApiError | null>(null)
  const asking = ref(false)
  const dry = ref(true)
  let reel = new Reel(begin.at, span.stop, stepOf(begin.speed))
  let stop = new AbortController()
  /** How much of the past is still owed for the time that has passed in front of the screen. */
  let owed = 0

  function show(frames: readonly Frame[], leap: boolean) {
    for (const frame of frames) table.take(frame)
    const last = frames.at(-1)
    if (!last) return
    at.value = last.now
    standAt(last.now, leap)
  }

  async function ask() {
    const piece = reel.wanted(at.value)
    if (!piece || asking.value) return
    asking.value = true
    const mine = stop
    try {
      const { frames } = await get<{ frames: Frame[] }>(address(scene, piece), mine.signal)
      if (mine.signal.aborted) return
      const first = piece.start === reel.start
      reel.add(piece, frames)
      error.value = null
      if (first) show(reel.due(reel.start), true)
    } catch (failure) {
      if (mine.signal.aborted) return
      if (!(failure instanceof ApiError)) throw failure
      error.value = failure
    } finally {
      if (mine === stop) {
        asking.value = false
        dry.value = reel.dry
      }
    }
  }

  function seek(moment: number) {
    stop.abort()
    stop = new AbortController()
    asking.value = false
    owed = 0
    const from = Math.round(Math.min(span.stop - BEAT_MS, Math.max(span.start, moment)))
    reel = new Reel(from, span.stop, stepOf(speed.value))
    dry.value = true
    at.value = from
    standAt(from, false)
    void ask()
  }

  let beat = performance.now()
  const timer = setInterval(() => {
    const [passed, now] = [performance.now() - beat, performance.now()]
    beat = now
    if (!playing.value || error.value || document.hidden) return
    if (reel.over) {
      playing.value = false
      return
    }
    owed = dry.value ? 0 : Math.min(owed + passed * speed.value, 4 * reel.step)
    const frames = reel.due(at.value + owed)
    if (frames.length > 0) {
      owed -= (frames.at(-1)?.now ?? 0) - at.value
      show(frames, false)
    }
    dry.value = reel.dry
    void ask()
  }, BEAT_MS)

  watch(speed, () => seek(at.value))
  onScopeDispose(() => {
    clearInterval(timer)
    stop.abort()
  })
  seek(begin.at)

  return {
    live: table.live,
    at,
    playing,
    speed,
    loading: computed(() => asking.value && dry.value),
    error,
    seek,
    play: () => {
      if (at.value >= span.stop - reel.step) seek(span.start)
      playing.value = true
    },
    pause: () => (playing.value = false),
    retry: () => {
      error.value = null
      void ask()
    },
  }
}
