/** The pickles that the real Pythons made: one entry for each value and protocol. */
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import type { Tagged } from './tagged-node.js'

export interface PickleVector {
  name: string
  /** `p0` to `p5` of Python 3; `c0` to `c2` of cPickle and `py2` of pickle.py under Python 2. */
  form: string
  pickle: Uint8Array
  /** As tagged JSON; of Python 2 what Python 3 makes of it, in `encoding`. */
  value: Tagged
  encoding: 'ascii' | 'latin1'
}

type Case = Record<string, unknown> & { name: string }

/** Every pickle of a vector file whose value is machine-readable, or all with `value` null. */
export function pickleVectors(file: 'pickle_py3' | 'pickle_py2'): PickleVector[] {
  const { cases } = JSON.parse(readFileSync(new URL(`../../vectors/${file}.json`, import.meta.url), 'utf8')) as {
    cases: Case[]
  }
  return cases.flatMap((one) => {
    const refused = (one.py3_default as { raises?: unknown } | null | undefined)?.raises !== undefined
    const latin1 = refused && one.py3_latin1 !== undefined
    const value = (file === 'pickle_py3' ? one.value : latin1 ? one.py3_latin1 : one.py3_default) as Tagged
    return Object.entries(one)
      .filter(
        ([form, text]) => /^(?:p[0-5]|c[0-2]|py2)$/.test(form) && typeof text === 'string' && !text.startsWith('same'),
      )
      .map(([form, text]) => ({
        name: one.name,
        form,
        pickle: new Uint8Array(Buffer.from(text as string, 'base64')),
        value: /^p[0-3]$/.test(form) ? withoutFold(value) : value,
        encoding: latin1 ? ('latin1' as const) : ('ascii' as const),
      }))
  })
}

/** Whether the value is told exactly, not by its `repr` alone. */
export function isExact(value: Tagged): boolean {
  return !/"\$repr"|"raises"|builtins\.|"myapp.models.My/.test(JSON.stringify(value))
}

/** Python writes no fold before protocol 4. */
function withoutFold(value: Tagged): Tagged {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { fold: _, ...rest } = value
  return rest
}
