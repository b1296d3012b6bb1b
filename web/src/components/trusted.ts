/** A tag's newest reading and how far to trust it, in words; the one way for a component to show a value. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Tag } from '../api'
import { usePlant, useScene } from '../context'
import { ageOf, formatTime, formatValue, NOTHING } from '../domain/format'
import { isSimulated, judge, type Trust } from '../domain/trust'
import { shownNow } from '../live/clock'
import { useReasons } from '../panels/reasons'
import { language } from '../settings'
import { spoken } from '../words'

export interface Trusted {
  trust: ComputedRef<Trust>
  /** The value as text; nothing where no value may be shown. */
  value: ComputedRef<string>
  /** Why the value is not simply good; empty when it is. */
  reason: ComputedRef<string>
  /** Since when it is so; empty where that is not known. */
  since: ComputedRef<string>
  age: ComputedRef<string>
  sourceTime: ComputedRef<string>
  /** When it reached the collector, and how long it was under way. */
  received: ComputedRef<string>
  simulated: ComputedRef<boolean>
  number: ComputedRef<number | null>
}

export function useTrusted(tag: () => Tag): Trusted {
  const { t } = useI18n()
  const { zone } = usePlant()
  const { live } = useScene()
  const { reasonName } = useReasons()

  const reading = computed(() => live.reading(tag().path).value)
  const trust = computed(() => judge(reading.value, tag(), shownNow.value, live.link.value))
  const shown = computed(() => trust.value.level === 'good' || trust.value.level === 'uncertain')
  const value = computed(() => {
    if (!shown.value || !reading.value) return NOTHING
    const raw = reading.value.value
    if (typeof raw === 'boolean') return t(`bool.${raw}`)
    if (raw === '') return t('value.empty')
    if (typeof raw === 'string') return tag().role === 'stop-reason' ? reasonName(raw) : spoken(raw)
    return formatValue(raw, tag(), language.value)
  })
  const reason = computed(() => {
    const { reason: key, quality, code, seconds } = trust.value
    if (key === 'quality') return quality === 'other' ? `${t('quality.other')} ${code}` : t(`quality.${quality}`)
    return key && t(`reason.${key}`, { seconds })
  })
  const since = computed(() => {
    const time = trust.value.since
    return time > 0 ? t('age.since', { time: formatTime(time, zone.value, { now: shownNow.value }) }) : ''
  })
  const age = computed(() => {
    if (!reading.value || reading.value.time <= 0) return ''
    const { unit, n } = ageOf(shownNow.value - reading.value.time)
    return t(`age.${unit}`, { n })
  })
  const sourceTime = computed(() =>
    reading.value && reading.value.time > 0
      ? t('age.source', { time: formatTime(reading.value.time, zone.value, { now: shownNow.value }) })
      : '',
  )
  const received = computed(() => {
    if (!reading.value || reading.value.time <= 0) return ''
    const { time, received: at } = reading.value
    return t('age.received', { time: formatTime(at, zone.value, { now: shownNow.value }), ms: at - time })
  })
  const simulated = computed(() => isSimulated(reading.value, tag()))
  const number = computed(() => (shown.value && typeof reading.value?.value === 'number' ? reading.value.value : null))
  return { trust, value, reason, since, age, sourceTime, received, simulated, number }
}
