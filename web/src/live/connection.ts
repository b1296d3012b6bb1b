/**
 * One WebSocket to the centre, for as long as a page needs it.
 *
 *     connecting ──open──▶ live ──close, or silent too long──▶ retrying ──wait──▶ connecting
 *
 * A socket that is open and says nothing is worth as little as a closed one: the server sends at
 * least a heartbeat frame every two seconds, so silence means that something in between stalled.
 */
import { refused, type Frame } from '../api'
import { BackOff } from '../domain/back-off'

export type Phase = 'connecting' | 'live' | 'retrying'

export interface ConnectionState {
  phase: Phase
  /** When the server was last heard, ms of this machine's clock; 0 for never. */
  lastHeard: number
  /** When the next try is due, ms; 0 unless retrying. */
  retryAt: number
}

const SILENCE_MS = 6000
/** How the server closes on a viewer who may not, or no longer, look. */
const NOT_ALLOWED = 1008
const CHECK_MS = 1000

/** As much of a WebSocket as is used, so that tests can stand in for it. */
export type Socket = Pick<WebSocket, 'close' | 'onmessage' | 'onclose'>

export interface Handlers {
  frame: (frame: Frame) => void
  state: (state: ConnectionState) => void
}

export class Connection {
  #socket: Socket | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #watchdog: ReturnType<typeof setInterval> | undefined
  #openedAt = 0
  #state: ConnectionState = { phase: 'connecting', lastHeard: 0, retryAt: 0 }

  constructor(
    private readonly address: string,
    private readonly on: Handlers,
    private readonly backOff = new BackOff(),
    private readonly open: (address: string) => Socket = (to) => new WebSocket(to),
    private readonly now: () => number = Date.now,
  ) {}

  start(): void {
    this.#watchdog = setInterval(() => this.#check(), CHECK_MS)
    this.#connect()
  }

  stop(): void {
    clearInterval(this.#watchdog)
    clearTimeout(this.#timer)
    this.#leave()
  }

  /** Try at once instead of waiting out the back-off; the operator knows the cable is back in. */
  retryNow(): void {
    if (this.#state.phase !== 'retrying') return
    this.backOff.reset()
    this.#connect()
  }

  #connect(): void {
    clearTimeout(this.#timer)
    this.#leave()
    this.#openedAt = this.now()
    this.#tell({ phase: 'connecting', retryAt: 0 })
    const socket = this.open(this.address)
    this.#socket = socket
    socket.onmessage = (event: MessageEvent<string>) => this.#hear(event.data)
    socket.onclose = (event: CloseEvent) => {
      if (event.code === NOT_ALLOWED) refused.on()
      this.#lost()
    }
  }

  #hear(text: string): void {
    const frame = JSON.parse(text) as Frame
    this.backOff.reset()
    this.#state.lastHeard = this.now()
    if (this.#state.phase !== 'live') this.#tell({ phase: 'live' })
    this.on.frame(frame)
  }

  #check(): void {
    const waiting = this.#state.phase === 'live' ? this.#state.lastHeard : this.#openedAt
    if (this.#state.phase !== 'retrying' && this.now() - waiting > SILENCE_MS) this.#lost()
  }

  #lost(): void {
    this.#leave()
    const wait = this.backOff.next()
    this.#tell({ phase: 'retrying', retryAt: this.now() + wait })
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), wait)
  }

  #leave(): void {
    if (this.#socket === null) return
    this.#socket.onmessage = this.#socket.onclose = null
    this.#socket.close()
    this.#socket = null
  }

  #tell(change: Partial<ConnectionState>): void {
    this.#state = { ...this.#state, ...change }
    this.on.state(this.#state)
  }
}
