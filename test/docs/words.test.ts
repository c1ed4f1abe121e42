/** The pages say things as one would to a colleague: none of them has the words below. */
import { expect, test } from 'vitest'
import { listPages, listReference, readPage } from './pages.js'

/** What to write instead stands beside each. */
const stilted: [RegExp, instead: string][] = [
  [/\boctets?\b/gi, 'bytes'],
  [/\bwhoever\b/gi, 'if you, anyone who'],
  [/\bsomebody\b/gi, 'someone, you, an attacker'],
  [/\bwhere there (?:is|are)\b/gi, 'if there is'],
  [/\b(?:is|are) over\b(?! (?:the|an?|https?|\d)\b)/gi, 'has expired, has ended'],
  [/\b(?:is|are|stays?) (?:no )?good\b/gi, 'valid, accepted'],
  [/\ban? [\w-]+ of (?:its|their|our) own\b/gi, 'its own …'],
  [/\bpublic half\b/gi, 'public cookie'],
]

const examples = ['components', 'demo', 'federation', 'next', 'react'].map((name) => `examples/${name}/README.md`)

test.each([...listPages(), ...listReference(), ...examples, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])(
  '%s is in plain English',
  (page) => expect(stiltedWordsOf(readPage(page))).toEqual([]),
)

test('the words are found, also where a line ends within them', () => {
  expect(stiltedWordsOf('A key of\nits own has 32 octets, where\nthere is one: `octets`.')).toEqual([
    'octets: write bytes',
    'where there is: write if there is',
    'A key of its own: write its own …',
  ])
  expect(
    stiltedWordsOf('Redis is over the network; the site is over HTTPS. A store of your own is a good idea.'),
  ).toEqual([])
})

/** Inline code is left out: what names and bytes are called is not up to a page. */
function stiltedWordsOf(text: string): string[] {
  const line = text.replace(/`[^`\n]*`/g, '`').replace(/\s+/g, ' ')
  return stilted.flatMap(([words, instead]) => [...line.matchAll(words)].map(([found]) => `${found}: write ${instead}`))
}
