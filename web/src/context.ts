/** What every part of a page needs and no part should have handed down to it by hand. */
import { inject, provide, type ComputedRef, type InjectionKey, type WritableComputedRef } from 'vue'
import type { Scene, Site, WindowName } from './api'
import type { Live } from './live/store'
import type { Polled } from './live/polled'

export interface PlantContext {
  site: Polled<Site>
  scenes: Polled<Scene[]>
  /** The zone that times are shown in: the site's. */
  zone: ComputedRef<string>
}

export interface SceneContext {
  id: string
  live: Live
  windowName: ComputedRef<WindowName>
  /** The baseline that trends are laid over, as `domain/baseline` reads it; empty for none. */
  compare: WritableComputedRef<string>
}

const PLANT: InjectionKey<PlantContext> = Symbol('plant')
const SCENE: InjectionKey<SceneContext> = Symbol('scene')

export const providePlant = (context: PlantContext): void => provide(PLANT, context)
export const provideScene = (context: SceneContext): void => provide(SCENE, context)

function required<T>(key: InjectionKey<T>): T {
  const found = inject(key)
  if (!found) throw new Error(`${String(key.description)} context is missing`)
  return found
}

export const usePlant = (): PlantContext => required(PLANT)
export const useScene = (): SceneContext => required(SCENE)
