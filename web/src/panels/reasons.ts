/** Why machines stop, in the reader's language: what the catalogue of the scene calls a code, else the code itself. */
import { computed } from 'vue'
import type { StopReason } from '../api'
import { usePlant, useScene } from '../context'
import { say } from '../words'

export function useReasons() {
  const { id } = useScene()
  const { scenes } = usePlant()
  const catalogue = computed(() => scenes.data.value?.find((scene) => scene.id === id)?.stop_reasons ?? [])
  const byCode = computed(() => new Map(catalogue.value.map((reason) => [reason.code, reason])))
  /** The catalogue by loss, in the order in which losses first come up in it. */
  const byLoss = computed(() => {
    const found = new Map<string, { name: string; reasons: StopReason[] }>()
    for (const reason of catalogue.value) {
      const group = found.get(reason.loss) ?? { name: say(reason.loss_name), reasons: [] }
      group.reasons.push(reason)
      found.set(reason.loss, group)
    }
    return [...found.values()]
  })
  return {
    byLoss,
    isKnown: (code: string) => byCode.value.has(code),
    reasonName: (code: string) => say(byCode.value.get(code)?.name) || code,
  }
}
