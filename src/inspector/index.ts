/**
 * The inspector: what is in a session cookie, in a page that can't send anything.
 */
import { CODEC_FORMS, keyedCodecs } from '../server/codecs/by-key.js'
import { cookiesIn } from '../shared/pasted-cookies.js'
import { count } from '../shared/words.js'
import { card, warningList } from './card.js'
import { byId, element, say } from './dom.js'
import { EXAMPLE, EXAMPLE_KEY } from './examples.js'
import { showHar } from './har-view.js'
import { inspectCookie } from './inspected.js'
import { keysIn, keyWarnings } from './keys.js'
import { signing, verdict } from './signing.js'
import { verifyCookie } from './verifying.js'

const pasted = byId<HTMLTextAreaElement>('pasted')
const keys = byId<HTMLTextAreaElement>('keys')
const encryptKey = byId<HTMLInputElement>('encrypt-key')
const cookieName = byId<HTMLInputElement>('cookie-name')
const file = byId<HTMLInputElement>('file')
const result = byId('result')

/** More than a header has, and less than makes a page wait. */
const MAX_TEXT = 1_048_576
const SHOWN_CARDS = 50
/** Cookies that are looked at: more than any browser sends. */
const MAX_COOKIES = 2000
/** Milliseconds after the last key. */
const PAUSE = 150

/** Which showing is the last: an older one that is still verifying shows nothing. */
let showing = 0

function show(): void {
  const mine = ++showing
  const text = pasted.value
  const given = keysIn(keys.value)
  byId('key-warnings').replaceChildren(warningList(keyWarnings(given)) ?? '')
  if (text.trim() === '') return void result.replaceChildren()
  if (text.length > MAX_TEXT)
    return void result.replaceChildren(problem(`The text is longer than ${MAX_TEXT} characters.`))
  const har = harOf(text)
  if (har) return void showHar(har, result, openCookie)
  const now = new Date()
  // Beside a session a header has cookies of others: those that are known come first.
  const all = cookiesIn(text).slice(0, MAX_COOKIES).map(inspectCookie)
  const cookies = [...all.filter(({ form }) => form), ...all.filter(({ form }) => !form)].slice(0, SHOWN_CARDS)
  if (cookies.length === 0) return void result.replaceChildren(problem('There is no cookie in this text.'))
  // To look at a cookie makes no key weaker than it is.
  const shared = { allowWeakSecrets: true, encryptKey: encryptKey.value || undefined }
  const { codecs, problems } = keyedCodecs(CODEC_FORMS, given, shared)
  const shown = cookies.map((cookie, index) => {
    const places = { verdict: element('div', { class: 'checked' }), tools: element('div', { class: 'tools' }) }
    return { cookie, places, card: card(cookie, index + 1, now, places) }
  })
  result.replaceChildren(...shown.map(({ card }) => card))
  say(`${count(cookies.length, 'cookie')}: ${cookies.map(({ title }) => title).join(', ')}`)
  if (given.length === 0) return
  if (codecs.length === 0) {
    const text = problems[0] ?? 'No codec takes this key.'
    return void shown[0]?.places.verdict.append(problem(text))
  }
  shown.forEach(async ({ cookie, places, card }) => {
    if (!cookie.form) return
    const name = cookieName.value.trim()
    const outcome = await verifyCookie(cookie, codecs, name, now)
    if (mine !== showing) return
    const editor = signing(cookie, outcome, { codecs, name, now, inspect: openCookie })
    places.verdict.append(verdict(cookie, outcome, now))
    if (editor) places.tools.append(editor)
    const badge = card.querySelector('[data-verdict="none"]')
    if (badge && 'record' in outcome) badge.textContent = 'verified'
  })
}

function problem(text: string): HTMLElement {
  return element('p', { class: 'problem' }, text)
}

function harOf(text: string): unknown {
  if (!/^\s*\{/.test(text) || !text.includes('"entries"')) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Shows one cookie in place of what is there. */
function openCookie(text: string): void {
  pasted.value = text
  show()
  result.focus()
  result.scrollIntoView()
}

async function openFile(chosen: Blob): Promise<void> {
  showing++
  say('Reading the file')
  const text = await chosen.text()
  const har = harOf(text)
  if (har) {
    pasted.value = ''
    await showHar(har, result, openCookie)
  } else if (/^\s*\{/.test(text)) result.replaceChildren(problem('This JSON is no HAR file, or only a piece of one.'))
  else if (text.length <= MAX_TEXT) openCookie(text)
  else result.replaceChildren(problem('This is no HAR file, and too large for a header.'))
}

let timer: ReturnType<typeof setTimeout> | undefined

function soon(): void {
  clearTimeout(timer)
  timer = setTimeout(show, PAUSE)
}

/** What a link brought behind `#`, which a browser never sends. It does not stay in the address. */
function openFragment(): void {
  if (location.hash.length < 2) return
  let text: string
  try {
    text = decodeURIComponent(location.hash.slice(1))
  } catch {
    text = location.hash.slice(1)
  }
  if (text === 'result') return
  history.replaceState(null, '', location.pathname + location.search)
  pasted.value = text
  show()
}

for (const field of [pasted, keys, encryptKey, cookieName]) field.addEventListener('input', soon)
byId('clear').addEventListener('click', () => {
  for (const field of [pasted, keys, encryptKey, cookieName]) field.value = ''
  show()
  say('Cleared')
  pasted.focus()
})
byId('example').addEventListener('click', () => {
  pasted.value = EXAMPLE
  keys.value = EXAMPLE_KEY
  byId<HTMLDetailsElement>('keys-box').open = true
  show()
})
byId('choose').addEventListener('click', () => file.click())
file.addEventListener('change', () => {
  const [chosen] = file.files ?? []
  if (chosen) void openFile(chosen)
  file.value = ''
})
document.addEventListener('dragover', (event) => {
  event.preventDefault()
  document.body.classList.add('is-dropping')
})
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('is-dropping')
})
document.addEventListener('drop', (event) => {
  document.body.classList.remove('is-dropping')
  const [dropped] = event.dataTransfer?.files ?? []
  if (!dropped) return
  event.preventDefault()
  void openFile(dropped)
})
window.addEventListener('hashchange', openFragment)
openFragment()
