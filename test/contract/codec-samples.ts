/** What the contract suite feeds a codec: sessions, changes of them, and values that none of its keys made. */
import type { SessionData } from '../../src/server/index.js'

/** Sessions that every codec holds. */
export const samples: Readonly<Record<string, SessionData>> = {
  'an empty session': {},
  'one key': { user: 'dave' },
  'all that JSON knows': {
    text: 'swordfish',
    empty: '',
    yes: true,
    no: false,
    none: null,
    zero: 0,
    negative: -5,
    fraction: 1.5,
    small: 1e-7,
    large: 2 ** 53 - 1,
    list: [1, 'two', [3, []], { four: 4 }],
    object: { a: { b: { c: {} } } },
  },
  'text of every kind': {
    latin: 'é ÿ',
    wide: '€ 漢字',
    emoji: '😀',
    marks: '"\\/<>&;,= \t\n\r\u0000\u001f\u007f\u2028',
    'kéy €': 1,
  },
  'keys that mean something elsewhere': JSON.parse(
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"":2,"a.b":3,"$set":4,"0":5}',
  ),
  'what the session knows of itself': { user: 'dave', _authenticated_at: 1_700_000_000.25, _f_info: ['hello'] },
  'a time in whole seconds': { user: 'dave', _authenticated_at: 1_700_000_000 },
  'a long text': { text: 'swordfish '.repeat(60) },
}

/** A session and what can happen to it. */
export const changes: Readonly<Record<string, (data: SessionData) => unknown>> = {
  'a new key': (data) => Object.assign(data, { added: 1 }),
  'a new key of null': (data) => Object.assign(data, { added: null }),
  'a deleted key': (data) => delete data.none,
  'another value': (data) => Object.assign(data, { zero: 1 }),
  'another type': (data) => Object.assign(data, { zero: '0' }),
  'another value deep inside': (data) => Object.assign((data.list as object[])[3] as object, { four: 5 }),
  'an item more': (data) => (data.list as unknown[]).push(5),
  'an item less': (data) => (data.list as unknown[]).pop(),
  'no key at all': (data) => Object.keys(data).map((key) => delete data[key]),
}

/** Values as other systems make them, each shaped like one family; none is signed with a key of the suite. */
export const strangers: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '...',
  '....',
  'null',
  '{}',
  'garbage',
  '\u0000',
  'é€😀',
  '__proto__',
  'a.b.c',
  // JWS: unsigned, without a signature, and with one of another key.
  'eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiZGF2ZSJ9.',
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImRhdmUifQ.',
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImRhdmUifQ.1LXPSRNwqCxUK0MLbkh5fFgP8TpydsN8cQ2qyNU0as8',
  // JWE with a direct key (RFC 7516 §3.1).
  'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
  // Beaker: 40 hex digits before base64, one with an empty body.
  `${'0123456789abcdef'.repeat(3).slice(0, 40)}gAJ9cQFYBAAAAHVzZXJxAlgEAAAAZGF2ZXEDcy4=`,
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  // Django: signed text, and a bare session key.
  'eyJ1c2VyIjoiZGF2ZSJ9:1r31eq:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'abcdefghijklmnopqrstuvwxyz012345',
  // express-session and cookie-session.
  's:abcdefghijklmnopqrstuvwx.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'eyJ1c2VyIjoiZGF2ZSJ9',
  `${'A'.repeat(60)}${'%'.repeat(60)}`,
  'x'.repeat(16_384),
  '.'.repeat(16_384),
]
