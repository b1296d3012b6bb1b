/**
 * Looking at the past on a page made for the present: what stands below gets values of then instead of live ones, and a
 * clock of then, so that nothing in it is fresher than it was. The centre's live values take no notice.
 */
import { computed, inject, onScopeDispose, provide, type ComputedRef, type InjectionKey } from 'vue'
import { get, query } from '../api'
import type { AlarmList } from '../api-alarms'
import type { Range } from '../domain/zoom'
import { provideOtherAlarms } from './alarms'
import { serverNow, standAt } from './clock'
import { usePolled } from './polled'
import { provideLive, type Live } from './store'

export interface Past {
  /** The stretch of time that all figures are of; null in a replay, whose windows end at the moment it has come to. */
  span: ComputedRef<Range | null>
  /** Whether it is the past at all that is looked at. */
  replayed: boolean
}

const PAST: InjectionKey<Past> = Symbol('past')
const PRESENT: Past = { span: computed(() => null), replayed: false }
const ALARMS_EVERY_MS = 2000

/** The past that this part of a page looks at; its span is null where that is the present, or moves. */
export const usePast = (): Past => inject(PAST, PRESENT)

/** Let everything below look at the past of a scene: at `live` for its values, at the page's time for its age. */
export function providePast(scene: string, { live, span }: Pick<Past, 'span'> & { live: Live }): void {
  provide(PAST, { span, replayed: true })
  provideLive(live)
  provideOtherAlarms(
    usePolled(
      (stop) =>
        get<AlarmList>(
          `/api/v1/scenes/${encodeURIComponent(scene)}/replay/alarms?${query({ at: Math.round(serverNow()) })}`,
          stop,
        ),
      ALARMS_EVERY_MS,
    ),
  )
  onScopeDispose(() => standAt(null, true))
}
