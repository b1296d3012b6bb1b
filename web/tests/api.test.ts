import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiError, get, send } from '../src/api'

/** An answer that begins well, and then goes on as `rest` says. */
function answering(rest: (body: ReadableStreamDefaultController<Uint8Array>) => void, status = 200) {
  vi.stubGlobal('fetch', (_address: string, request: RequestInit) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"half": '))
        request.signal?.addEventListener('abort', () => controller.error(request.signal?.reason))
        rest(controller)
      },
    })
    return Promise.resolve(new Response(body, { status }))
  })
}

describe('a question to the server', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('fails like an unreachable server when the end of an answer comes too late', async () => {
    answering(() => undefined)
    const asked = send('POST', '/api/v1/anything', {}, 20)
    await expect(asked).rejects.toBeInstanceOf(ApiError)
    await expect(asked).rejects.toMatchObject({ status: 0 })
  })

  it('fails like an unreachable server when an answer breaks off', async () => {
    answering((body) => body.error(new TypeError('network error')))
    await expect(get('/api/v1/anything')).rejects.toMatchObject({ name: 'ApiError', status: 0 })
  })

  it('fails the same way when it is a refusal that breaks off', async () => {
    answering((body) => body.error(new TypeError('network error')), 503)
    await expect(get('/api/v1/anything')).rejects.toMatchObject({ name: 'ApiError', status: 0 })
  })

  it('is given up without a word when the one who asked has left', async () => {
    answering(() => undefined)
    const left = new AbortController()
    const asked = get('/api/v1/anything', left.signal)
    left.abort()
    await expect(asked).rejects.not.toBeInstanceOf(ApiError)
  })
})
