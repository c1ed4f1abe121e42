/**
 * The panel of a card that verifies, edits and signs again.
 */
import { contextOf, type KeyedCodec, keysProblem, type Refused } from '../server/codecs/by-key.js'
import type { SessionRecord } from '../server/codecs/codec.js'
import { encodeHex, encodeUtf8 } from '../shared/bytes.js'
import { isSessionError } from '../shared/errors.js'
import type { SessionData } from '../shared/types.js'
import { count } from '../shared/words.js'
import { dataPart } from './card.js'
import { button, copyButton, element, say } from './dom.js'
import { COOKIE_BYTES, type Inspected } from './inspected.js'
import { readTypedJson, writeTypedJson } from './typed-json.js'
import type { Verified } from './verifying.js'

export interface SigningOptions {
  readonly codecs: readonly KeyedCodec[]
  /** Of the cookie, if it did not come with one. */
  readonly name: string
  readonly now: Date
  /** Shows another text in the page. */
  inspect(text: string): void
}

/** What came of verifying, in words, and the session if only a key opens it. */
export function verdict(cookie: Inspected, result: Verified | Refused, now: Date): HTMLElement {
  if (!('record' in result)) return element('p', { class: 'verdict', 'data-verdict': 'bad' }, refusedText(result))
  const { codec, key, label, untimely, record } = result
  const late = untimely?.code === 'ERR_SESSION_NOT_YET_VALID' ? ' It is not valid yet.' : ' It is expired.'
  return element(
    'div',
    {},
    element(
      'p',
      { class: 'verdict', 'data-verdict': untimely ? 'care' : 'good' },
      element('b', {}, 'The signature is valid.'),
      ` ${label} reads it with ${key.label}.${untimely ? late : ''}`,
    ),
    !codec.readable || !cookie.decoded ? dataPart(record.data, now, 'Decrypted data') : undefined,
  )
}

function refusedText({ refused }: Refused): string {
  if (!refused) return 'None of these keys is for a cookie of this form.'
  const { error, label, key } = refused
  if (error.code === 'ERR_SESSION_KEYS') return `${label} with ${key.label}: ${keysProblem(error)}`
  if (error.code === 'ERR_SESSION_SIGNATURE') return 'No key fits: the signature is not valid with any of them.'
  const text = error.message === error.code ? error.code : `${error.message} (${error.code})`
  return error.verified
    ? `The signature is valid (${label}), yet a server refuses it: ${text}`
    : `No key fits. ${label}: ${text}`
}

/** The editor of the data, and what signs it. */
export function signing(
  cookie: Inspected,
  result: Verified | Refused,
  options: SigningOptions,
): HTMLElement | undefined {
  const record = 'record' in result ? result.record : undefined
  const data = record?.data ?? cookie.decoded?.data
  const writers = options.codecs.filter(({ codec }) => codec.sign)
  if (!data || writers.length === 0) return undefined
  const { text, kept } = writeTypedJson(data)
  const editor = labelled('Data as JSON', 'textarea', {
    rows: Math.min(18, text.split('\n').length + 1),
    spellcheck: 'false',
  })
  editor.field.value = text
  const format = labelled('Sign as', 'select', {})
  writers.forEach(({ label, key }, index) => {
    format.field.append(element('option', { value: index }, `${label} with ${key.label}`))
  })
  const own = writers.findIndex((one) => 'codec' in result && one.codec === result.codec)
  format.field.selectedIndex = Math.max(0, own)
  const output = element('div', { class: 'signed', 'aria-live': 'polite' })
  const sign = async (): Promise<void> => {
    const writer = writers[format.field.selectedIndex] as KeyedCodec
    try {
      const edited = readTypedJson(editor.field.value, kept)
      output.replaceChildren(signedValue(await signWith(writer, edited, cookie, record, options), cookie, options))
      say('Signed')
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError) && !isSessionError(error)) throw error
      output.replaceChildren(element('p', { class: 'problem' }, error.message))
    }
  }
  return element(
    'details',
    { class: 'signing' },
    element('summary', {}, 'Edit the data and sign it again'),
    element(
      'p',
      { class: 'soft' },
      'What JSON lacks has its type as a key: {"$date": "2026-01-31T12:00:00Z"}, {"$binary": "base64"}, {"$numberLong": "1"}, ' +
        '{"$oid": "24 digits"}, {"$set": []}, {"$map": []}. What stands there as {"$kept": 0} stays as it is.',
    ),
    editor.whole,
    element(
      'div',
      { class: 'actions' },
      format.whole,
      button('Sign', () => void sign(), 'primary'),
    ),
    output,
  )
}

function labelled<Tag extends 'textarea' | 'select'>(
  label: string,
  tag: Tag,
  attributes: Record<string, string | number>,
): { whole: HTMLElement; field: HTMLElementTagNameMap[Tag] } {
  const field = element(tag, attributes)
  return { whole: element('label', { class: 'field' }, element('span', {}, label), field), field }
}

/** With what was read, so that a value that nobody touched keeps the type that Python gave it. */
async function signWith(
  { codec }: KeyedCodec,
  data: SessionData,
  { name: ownName, decoded }: Inspected,
  record: SessionRecord | undefined,
  { name }: SigningOptions,
): Promise<string> {
  const now = new Date()
  const { id, createdAt, expiresAt } = decoded?.meta ?? {}
  const isPast = expiresAt !== undefined && expiresAt <= now
  const known: SessionRecord = record ?? {
    data,
    ...(id !== undefined && { id }),
    ...(createdAt && { createdAt }),
    ...(expiresAt && { expiresAt }),
  }
  const { expiresAt: end, ...rest } = known
  const written: SessionRecord = {
    ...rest,
    ...(end && !isPast && end > now && { expiresAt: end }),
    id: known.id ?? encodeHex(crypto.getRandomValues(new Uint8Array(16))),
    createdAt: known.createdAt ?? now,
    accessedAt: now,
    data,
  }
  return (codec.sign as NonNullable<typeof codec.sign>)(written, contextOf(ownName ?? name, now))
}

function signedValue(value: string, { name }: Inspected, { name: givenName, inspect }: SigningOptions): HTMLElement {
  const cookieName = name ?? givenName
  const whole = cookieName === '' ? value : `${cookieName}=${value}`
  const bytes = encodeUtf8(cookieName + value).length
  const field = element('textarea', { rows: 4, readonly: true, 'aria-label': 'Signed value', spellcheck: 'false' })
  field.value = value
  return element(
    'div',
    {},
    field,
    element('p', { class: bytes > COOKIE_BYTES ? 'problem' : 'soft' }, `${count(bytes, 'byte')} of ${COOKIE_BYTES}`),
    element(
      'div',
      { class: 'actions' },
      copyButton('Copy signed value', () => value),
      button('Inspect it', () => inspect(whole)),
    ),
  )
}
