/**
 * The panels a scene's page can be made of. Which apply is told from roles, kinds and device types
 * alone, so that a scene which exists only as configuration gets a sensible page; a scene's `page`
 * says otherwise. The names are those of `configs/panels.py`.
 */
import type { Component } from 'vue'
import type { Device, Scene, Tag } from '../api'
import { lineViews } from '../domain/line-view'
import { loopsOf } from '../domain/loops'
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
/** Whether one device plays both roles. */
const bothOn = (scene: Scene, tags: readonly Tag[], ...roles: [string, string]) =>
  devicesIn(scene).some((device) =>
    roles.every((role) => tags.some((tag) => tag.role === role && tag.path.startsWith(`${device.path}/`))),
  )

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
    id: 'line',
    title: 'line.title',
    applies: (scene, tags) => lineViews(scene, new Map(tags.map((tag) => [tag.path, tag]))).length > 0,
    component: () => import('./LinePanel.vue'),
    wide: true,
  },
  {
    id: 'inspection',
    title: 'inspection.title',
    applies: (scene, tags) => bothOn(scene, tags, 'verdict', 'part'),
    component: () => import('./InspectionPanel.vue'),
    wide: true,
  },
  {
    id: 'confusion',
    title: 'confusion.title',
    applies: (scene, tags) => bothOn(scene, tags, 'verdict', 'reference-verdict'),
    component: () => import('./ConfusionPanel.vue'),
  },
  {
    id: 'control',
    title: 'loop.title',
    applies: (scene, tags) => loopsOf(scene, new Map(tags.map((tag) => [tag.path, tag]))).length > 0,
    component: () => import('./ControlPanel.vue'),
    wide: true,
  },
  {
    id: 'decisions',
    title: 'decisions.title',
    applies: plays('decision'),
    component: () => import('./DecisionsPanel.vue'),
    wide: true,
  },
  {
    id: 'sessions',
    title: 'sessions.title',
    applies: plays('session'),
    component: () => import('./SessionsPanel.vue'),
    wide: true,
  },
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
    id: 'delay',
    title: 'delay.title',
    applies: plays('latency', 'latency-up', 'latency-down'),
    component: () => import('./DelayPanel.vue'),
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
    id: 'energy-states',
    title: 'energyStates.title',
    applies: (scene, tags) => bothOn(scene, tags, 'energy', 'state'),
    component: () => import('./EnergyStatesPanel.vue'),
  },
  {
    id: 'trends',
    title: 'scene.trends',
    applies: (_, tags) => tags.some((tag) => tag.kind === 'analog'),
    component: () => import('./TrendsPanel.vue'),
    wide: true,
  },
  {
    id: 'control-chart',
    title: 'controlChart.title',
    applies: plays('process-value'),
    component: () => import('./ControlChartPanel.vue'),
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
