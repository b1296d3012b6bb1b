/** A canvas that is drawn sharply at its real size, and again whenever size, theme or content change. */
import { onBeforeUnmount, onMounted, watch, type Ref, type WatchSource } from 'vue'
import { theme } from '../settings'

export interface Sheet {
  draw: CanvasRenderingContext2D
  width: number
  height: number
  /** Device pixels per CSS pixel. */
  ratio: number
}

export function useCanvas(
  canvas: Ref<HTMLCanvasElement | null>,
  paint: (sheet: Sheet) => void,
  when: WatchSource[],
): void {
  function redraw() {
    const element = canvas.value
    const draw = element?.getContext('2d')
    if (!element || !draw || element.clientWidth === 0) return
    const ratio = window.devicePixelRatio || 1
    element.width = Math.round(element.clientWidth * ratio)
    element.height = Math.round(element.clientHeight * ratio)
    paint({ draw, width: element.width, height: element.height, ratio })
  }
  const watcher = new ResizeObserver(redraw)
  onMounted(() => {
    if (canvas.value) watcher.observe(canvas.value)
  })
  watch([theme, ...when], redraw, { flush: 'post' })
  onBeforeUnmount(() => watcher.disconnect())
}
