/** Energy of each machine by what it was doing, from the figures that the server keeps by PackML state. */
import type { Detail } from '../api-scene'
import { GROUPS, groupOf, stateOf, type Group } from './packml'

export interface EnergyOf {
  device: string
  total: number
  /** Whether every part is known. */
  known: boolean
  simulated: boolean
  /** One part a group of states, in the order of the groups. */
  parts: { group: Group; value: number; figures: Detail[] }[]
  figures: Detail[]
}

const OF_STATE = /^(.+)#state=([A-Z]+)$/

/** The figures `energy` of `device#state=…`, gathered by device and group; the largest machine first. */
export function groupedEnergy(indicators: readonly Detail[]): EnergyOf[] {
  const byDevice = new Map<string, { group: Group; one: Detail }[]>()
  for (const one of indicators) {
    const [, device, state] = (one.id === 'energy' && OF_STATE.exec(one.scope)) || []
    if (!device || !state) continue
    const found = byDevice.get(device) ?? []
    byDevice.set(device, [...found, { group: groupOf(stateOf(state)), one }])
  }
  return [...byDevice]
    .map(([device, all]) => {
      const parts = GROUPS.flatMap((group) => {
        const figures = all.filter((entry) => entry.group === group).map((entry) => entry.one)
        const value = figures.reduce((sum, one) => sum + (one.value ?? 0), 0)
        return figures.length > 0 && value > 0 ? { group, value, figures } : []
      })
      return {
        device,
        total: parts.reduce((sum, part) => sum + part.value, 0),
        known: all.every(({ one }) => one.status === 'ok'),
        simulated: all.some(({ one }) => one.simulated),
        parts,
        figures: all.map((entry) => entry.one),
      }
    })
    .sort((a, b) => b.total - a.total)
}
