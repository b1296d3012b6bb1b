/** A sound for new alarms, if somebody wants it on this screen; off until then. */
import { ref } from 'vue'

const KEY = 'provenline.sound'

function kept(): boolean {
  try {
    return localStorage.getItem(KEY) === 'on'
  } catch {
    return false // storage may be forbidden on a kiosk
  }
}

export const soundOn = ref(kept())

export function switchSound(): void {
  soundOn.value = !soundOn.value
  try {
    localStorage.setItem(KEY, soundOn.value ? 'on' : 'off')
  } catch {
    // the choice then lasts as long as the page
  }
  if (soundOn.value) chime()
}

/** Two short tones, falling. Browsers stay silent until somebody has touched the page. */
export function chime(): void {
  const context = new AudioContext()
  const gain = context.createGain()
  gain.gain.value = 0.15
  gain.connect(context.destination)
  for (const [at, pitch] of [
    [0, 880],
    [0.18, 660],
  ] as const) {
    const tone = context.createOscillator()
    tone.frequency.value = pitch
    tone.connect(gain)
    tone.start(context.currentTime + at)
    tone.stop(context.currentTime + at + 0.15)
  }
  setTimeout(() => void context.close(), 600)
}
