/** Both languages say the same things, every word in use exists, and no text hides outside the locale files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'vue/compiler-sfc'
import { describe, expect, it } from 'vitest'
import { GROUPS, STATES } from '../src/domain/packml'
import { STATUSES } from '../src/api'
import { QUALITY_WORDS } from '../src/domain/quality'

type Words = { [key: string]: string | Words }

const src = join(import.meta.dirname, '../src')
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|vue)$/.test(name))
const read = (name: string) => readFileSync(join(src, name), 'utf8')

/** What every file of a language says, together; two files under one key would hide each other. */
function wordsOf(language: string): Words {
  const files = filesOf(language)
  const all = Object.assign({}, ...files) as Words
  expect(Object.keys(all)).toHaveLength(files.reduce((sum, words) => sum + Object.keys(words).length, 0))
  return all
}
const filesOf = (language: string): Words[] =>
  readdirSync(join(src, 'locales', language)).map((name) => JSON.parse(read(`locales/${language}/${name}`)) as Words)

function flat(words: Words, before = ''): [string, string][] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === 'string' ? [[before + key, value] as [string, string]] : flat(value, `${before}${key}.`),
  )
}
const places = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

describe('the two languages', () => {
  const chinese = new Map(flat(wordsOf('zh-CN')))
  const english = new Map(flat(wordsOf('en')))

  it('have the same keys', () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort())
  })

  it('say something for every key, and fill in the same things', () => {
    for (const [key, text] of chinese) {
      expect(text.trim(), key).not.toBe('')
      expect(english.get(key)?.trim(), key).not.toBe('')
      expect(places(english.get(key) ?? ''), key).toEqual(places(text))
    }
  })

  it('are each in their own language', () => {
    const shown = [...english].filter(([key]) => key !== 'bar.languageShort')
    for (const [key, text] of shown) expect(text, key).not.toMatch(/[\u4e00-\u9fff]/)
  })

  it('know every state, group, status and quality that can come', () => {
    for (const state of [...STATES, 'UNKNOWN']) expect(chinese.has(`state.${state}`), state).toBe(true)
    for (const group of GROUPS) expect(chinese.has(`group.${group}`), group).toBe(true)
    for (const status of STATUSES) expect(chinese.has(`status.${status}`), status).toBe(true)
    for (const word of QUALITY_WORDS) expect(chinese.has(`quality.${word}`), word).toBe(true)
  })

  it('have every key that the source names', () => {
    for (const name of sources) {
      for (const [, key] of read(name).matchAll(/\bt\(\s*'([\w.-]+)'/g))
        expect(chinese.has(key ?? ''), `${name}: ${key}`).toBe(true)
    }
  })

  it('have no key that nothing names', () => {
    const all = sources.map(read).join('\n')
    const computed = [...all.matchAll(/[`']([\w.-]+)\.\$\{/g)].map(([, family]) => `${family}.`)
    const unused = [...chinese.keys()].filter(
      (key) => !all.includes(`'${key}'`) && !computed.some((family) => key.startsWith(family)),
    )
    expect(unused).toEqual([])
  })
})

interface Node {
  type: number
  content?: unknown
  children?: Node[]
  props?: { type: number; name: string; value?: { content: string } }[]
}
const TEXT = 2
const PLAIN_ATTRIBUTE = 6
const READ_ALOUD = new Set(['title', 'alt', 'placeholder', 'aria-label', 'label'])
const LETTERS = /[A-Za-z\u00c0-\u024f\u4e00-\u9fff]/

function literals(node: Node): string[] {
  const own = node.type === TEXT && LETTERS.test(String(node.content)) ? [String(node.content).trim()] : []
  const read = (node.props ?? [])
    .filter((one) => one.type === PLAIN_ATTRIBUTE && READ_ALOUD.has(one.name) && LETTERS.test(one.value?.content ?? ''))
    .map((one) => `${one.name}="${one.value?.content}"`)
  return [...own, ...read, ...(node.children ?? []).flatMap(literals)]
}

describe('a page', () => {
  it.each(sources.filter((name) => name.endsWith('.vue')))('has no words of its own: %s', (name) => {
    const { descriptor } = parse(read(name))
    expect(descriptor.template?.ast ? literals(descriptor.template.ast as unknown as Node) : []).toEqual([])
  })

  it.each(sources)('has no Chinese in its code: %s', (name) => {
    expect(read(name)).not.toMatch(/[\u4e00-\u9fff]/)
  })
})
