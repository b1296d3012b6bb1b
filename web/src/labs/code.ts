/** The editor for configuration files: YAML with its faults at their lines, and compared with another text. */
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, undo } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, setDiagnostics } from '@codemirror/lint'
import { getChunks, unifiedMergeView } from '@codemirror/merge'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { Fault } from './api'

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '0.86rem', backgroundColor: 'var(--panel)', color: 'var(--text)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--raised)', color: 'var(--text-3)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--accent) 9%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 30%, transparent)',
  },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line-strong)', color: 'var(--text)' },
  '.cm-deletedChunk': { backgroundColor: 'color-mix(in srgb, var(--bad) 16%, transparent)' },
  '&.cm-merge-b .cm-changedLine, .cm-insertedLine': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 16%, transparent)',
  },
})

/** In the colours of the page, which are read in both of its themes. */
const ink = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--curve-3)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--curve-5)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--text-3)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.keyword], color: 'var(--curve-6)' },
])

export interface Words {
  label: string
  readOnly: boolean
}

/** One editor on one element; each file keeps its own past, so that undo never crosses files. */
export class CodeEditor {
  readonly #view: EditorView
  readonly #states = new Map<string, EditorState>()
  readonly #compared = new Compartment()
  #file = ''

  constructor(
    place: HTMLElement,
    private readonly words: Words,
    private readonly changed: (file: string, text: string) => void,
  ) {
    this.#view = new EditorView({ parent: place })
    this.#view.scrollDOM.tabIndex = 0
  }

  /** Show a file; the first time with `text`, later as it was left. */
  open(file: string, text: string): void {
    if (this.#file) this.#states.set(this.#file, this.#view.state)
    this.#file = file
    this.#view.setState(this.#states.get(file) ?? EditorState.create({ doc: text, extensions: this.#extensions() }))
  }

  /** Put another text in place of a file's, as one step that can be undone. */
  replace(text: string): void {
    const now = this.#view.state.doc
    if (now.toString() !== text) this.#view.dispatch({ changes: { from: 0, to: now.length, insert: text } })
  }

  /** Put another text in place of a file's, whether it is open or not, as one step that can be undone. */
  put(file: string, text: string): void {
    if (file === this.#file) return this.replace(text)
    const state = this.#states.get(file)
    if (!state || state.doc.toString() === text) return
    this.#states.set(file, state.update({ changes: { from: 0, to: state.doc.length, insert: text } }).state)
  }

  /** Show what differs from `text` in the open file; null compares with nothing. */
  compare(text: string | null): void {
    const view = text === null ? [] : unifiedMergeView({ original: text, mergeControls: false, gutter: true })
    this.#view.dispatch({ effects: this.#compared.reconfigure(view) })
  }

  /** How many stretches of the open file differ from what it is compared with. */
  get differences(): number {
    return getChunks(this.#view.state)?.chunks.length ?? 0
  }

  /** Mark what is wrong in the open file. */
  mark(faults: readonly Fault[]): void {
    const { doc } = this.#view.state
    const diagnostics = faults.map((fault) => {
      const line = doc.line(Math.min(Math.max(fault.line ?? 1, 1), doc.lines))
      const message = [fault.path, fault.message, fault.hint].filter(Boolean).join('\n')
      return { from: line.from, to: line.to, severity: 'error' as const, message }
    })
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics))
  }

  goTo(line: number): void {
    const at = this.#view.state.doc.line(Math.min(Math.max(line, 1), this.#view.state.doc.lines))
    this.#view.dispatch({
      selection: { anchor: at.from },
      effects: EditorView.scrollIntoView(at.from, { y: 'center' }),
    })
    this.#view.focus()
  }

  undo(): void {
    undo(this.#view)
  }

  redo(): void {
    redo(this.#view)
  }

  close(): void {
    this.#view.destroy()
  }

  #extensions(): Extension[] {
    return [
      lineNumbers(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      lintGutter(),
      yaml(),
      syntaxHighlighting(ink),
      keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
      look,
      this.#compared.of([]),
      EditorState.tabSize.of(2),
      EditorState.readOnly.of(this.words.readOnly),
      EditorView.contentAttributes.of({ 'aria-label': this.words.label, 'data-test': 'code', lang: 'en' }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.changed(this.#file, update.state.doc.toString())
      }),
    ]
  }
}
