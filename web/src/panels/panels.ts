/**
 * The panels a scene's page can be made of. Which apply is told from roles, kinds and device types
 * alone, so that a scene which exists only as configuration gets a sensible page; a scene's `page`
 * says otherwise. The names are those of `configs/panels.py`.
 */
import type { Component } from 'vue'
import type { Device, Scene, Tag } from '../api'
import { isLaidOut, isSurveyed } from '../domain/floor'
import { placesOf } from '../domain/stock'

export interface Panel {
  id: string
  /** Key of its title in the locale files. */
  title: string
  applies: (scene: Scene, tags: readonly Tag[]) => boolean
  /** Takes `scene` and `tags`; what it shares with other panels comes from `useBoard` and `useScene`. */
  component: () => Promise<{ default: Component }>
  /** It takes a row of its own. */
  wide?: boolean
}

const plays =
  (...roles: string[]) =>
  (_: Scene, tags: readonly Tag[]) =>
    tags.some((tag) => tag.role !== null && roles.includes(tag.role))
const always = () => true

/** In the order in which a page without a list of its own shows them. */
export const PANELS: readonly Panel[] = [
  {
    id: 'oee',
    title: 'oee.title',
    applies: plays('good-count', 'total-count'),
    component: () => import('./OeePanel.vue'),
  },
  { id: 'figures', title: 'scene.indicators', applies: always, component: () => import('./FiguresPanel.vue') },
  {
    id: 'floor',
    title: 'floor.title',
    applies: isLaidOut,
    component: () => import('./FloorPanel.vue'),
    wide: true,
  },
  {
    id: 'heat',
    title: 'floor.heat.title',
    applies: isSurveyed,
    component: () => import('./FloorHeatPanel.vue'),
    wide: true,
  },
  {
    id: 'stock',
    title: 'floor.stock.title',
    applies: (_, tags) => placesOf(tags).items.length > 0,
    component: () => import('./StockPanel.vue'),
  },
  {
    id: 'hand-shake',
    title: 'floor.handshake.title',
    applies: (_, tags) => tags.some((tag) => tag.role === 'duration' && tag.label === 'handshake'),
    component: () => import('./HandShakePanel.vue'),
    wide: true,
  },
  {
    id: 'trace',
    title: 'floor.trace.title',
    applies: plays('identifier', 'part'),
    component: () => import('./TracePanel.vue'),
    wide: true,
  },
  {
    id: 'states',
    title: 'scene.states',
    applies: (_, tags) => tags.some((tag) => tag.kind === 'state'),
    component: () => import('./StatesPanel.vue'),
    wide: true,
  },
  {
    id: 'devices',
    title: 'scene.devices',
    applies: always,
    component: () => import('./DevicesPanel.vue'),
    wide: true,
  },
  { id: 'losses', title: 'losses.title', applies: plays('state'), component: () => import('./LossesPanel.vue') },
  { id: 'stops', title: 'panel.stops', applies: plays('state'), component: () => import('./StopsPanel.vue') },
  { id: 'energy', title: 'energy.title', applies: plays('energy'), component: () => import('./EnergyPanel.vue') },
  {
    id: 'trends',
    title: 'scene.trends',
    applies: (_, tags) => tags.some((tag) => tag.kind === 'analog'),
    component: () => import('./TrendsPanel.vue'),
    wide: true,
  },
  {
    id: 'collectors',
    title: 'panel.collectors',
    applies: (_, tags) => tags.some((tag) => tag.role === 'health'),
    component: () => import('./CollectorsPanel.vue'),
    wide: true,
  },
]

/** The panels of a scene's page: those its configuration names, in that order, else all that apply. */
export function panelsOf(scene: Scene, tags: readonly Tag[], known: readonly Panel[] = PANELS): Panel[] {
  if (scene.page.length === 0) return known.filter((panel) => panel.applies(scene, tags))
  return scene.page.flatMap((id) => known.find((panel) => panel.id === id) ?? [])
}

export interface PanelProps {
  scene: Scene
  tags: readonly Tag[]
}

export const devicesIn = (scene: Scene): Device[] => scene.lines.flatMap((line) => line.devices)
