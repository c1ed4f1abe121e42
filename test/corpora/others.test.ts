/** bson-corpus (https://github.com/mongodb/specifications), JSONTestSuite (nst) and http-state (abarth). */
import { test } from 'vitest'
import { bsonPackageTypes, withBsonTypes } from '../../src/server/bson-types.js'
import { readJson } from '../../src/server/json/reader.js'
import { writeJson } from '../../src/server/json/writer.js'
import { lightBsonTypes } from '../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../src/shared/bson/origin.js'
import { readBson } from '../../src/shared/bson/reader.js'
import { writeBson } from '../../src/shared/bson/writer.js'
import { readCookies } from '../../src/shared/cookie.js'
import { codeOf, fromHex, listCorpus, readCorpus, readCorpusBytes, Tally } from './corpora.js'

interface BsonCases {
  valid?: { description: string; canonical_bson: string; degenerate_bson?: string; lossy?: boolean }[]
  decodeErrors?: { description: string; bson: string }[]
}

test('bson-corpus', async () => {
  const tally = new Tally('bson-corpus')
  const path = ['specifications', 'source', 'bson-corpus', 'tests']
  for (const file of listCorpus(...path)) {
    if (!file.endsWith('.json')) continue
    const { valid = [], decodeErrors = [] } = JSON.parse(readCorpus(...path, file)) as BsonCases
    for (const { description, canonical_bson, degenerate_bson } of valid) {
      for (const hex of [canonical_bson, degenerate_bson ?? canonical_bson]) {
        const bytes = fromHex(hex)
        const id = `${file} ${description}`
        tally.add(`${id}, page`, (await codeOf(() => readBson(bytes, lightBsonTypes))) === 'none')
        const code = await codeOf(async () => {
          const options = bsonPackageTypes
          const data = await withBsonTypes(() => readBson(bytes, options))
          tally.add(
            `${id}, unchanged`,
            Buffer.from(writeBson(data, { origin: bsonOrigin(bytes, options) })).equals(bytes),
          )
          tally.add(`${id}, written anew`, Buffer.from(writeBson(data)).equals(fromHex(canonical_bson)))
        })
        tally.add(`${id}, server ${code}`, code === 'none')
      }
    }
    for (const { description, bson } of decodeErrors) {
      for (const types of [lightBsonTypes, bsonPackageTypes]) {
        const code = await codeOf(() => withBsonTypes(() => readBson(fromHex(bson), types)))
        tally.add(`${file} ${description}: ${code}`, code === 'ERR_SESSION_BSON')
      }
    }
  }
  tally.expectDifferences({
    'an array whose keys do not count from 0': [/array\.json .*index.*(page|server ERR_SESSION_BSON)$/, 6],
    'a date after the year 9999, which Python refuses': [/Y10K, (page|server ERR_SESSION_BSON)$/, 4],
    'a DBPointer is written as a DBRef, a symbol as text; undefined is left out': [
      /(dbpointer|symbol|undefined|multi-type-deprecated)\.json .*written anew$/,
      22,
    ],
    'without its origin a number has the type that fits': [/(double|int64|multi-type)\.json .*written anew$/, 14],
  })
})

test('JSONTestSuite', async () => {
  const tally = new Tally('JSONTestSuite')
  for (const folder of ['test_parsing', 'test_transform']) {
    for (const file of listCorpus('JSONTestSuite', folder)) {
      const bytes = readCorpusBytes('JSONTestSuite', folder, file)
      let text: string
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      } catch {
        tally.add(`${file} is no UTF-8`, !file.startsWith('y_'))
        continue
      }
      const code = await codeOf(() => readJson(text))
      tally.add(
        `${file}: ${code}`,
        file.startsWith('y_') ? code === 'none' : file.startsWith('n_') ? code !== 'none' : true,
      )
      if (code === 'none') {
        const { value } = readJson(text)
        const again = await codeOf(() => readJson(writeJson({ value })))
        tally.add(`${file} written: ${again}`, again === 'none')
      }
    }
  }
  tally.expectDifferences({
    'NaN and the infinities, as Python writes them': [/^n_number_(NaN|infinity|minus_infinity)\.json: none$/, 3],
    'half of a surrogate pair is read, and not written': [
      /(surrogate|codepoint).* written: ERR_SESSION_UNWRITABLE$/,
      13,
    ],
  })
})

test('http-state', () => {
  const tally = new Tally('http-state')
  const cases: { test: string; sent: { name: string; value: string }[] }[] = JSON.parse(
    readCorpus('http-state', 'tests', 'data', 'parser.json'),
  )
  for (const { test, sent } of cases) {
    const header = sent.map(({ name, value }) => (name === '' ? value : `${name}=${value}`)).join('; ')
    for (const { name, value } of sent) {
      tally.add(`${test} ${name}=${value}`, readCookies(header, name).includes(value))
    }
  }
  tally.expectDifferences({ 'quotes around a whole value are no part of it': [/="[^"].*"$/, 10] })
})
