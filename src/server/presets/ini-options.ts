/**
 * The text of an .ini section, as Python services keep their options in one.
 * Grammar of Python's configparser, without its interpolation.
 */

/**
 * Reads options: `key = value` or `key: value`, lines with a deeper indent go on, `#` and `;` begin
 * comments. Sections are not kept apart, and nothing is interpolated.
 *
 * @throws {TypeError} for a line that is none of these
 */
export function parseIniOptions(text: string): Record<string, string> {
  const options = new Map<string, string>()
  let last: { key: string; indent: number } | undefined
  for (const line of text.split(/\r?\n/)) {
    const indent = line.search(/\S/)
    const content = line.trim()
    if (content === '' || /^[#;]/.test(content)) continue
    if (last !== undefined && indent > last.indent) {
      options.set(last.key, `${options.get(last.key)}\n${content}`)
    } else if (/^\[.*\]$/.test(content)) {
      last = undefined
    } else {
      const [, key = '', value] = /^([^=:]+)[=:](.*)$/.exec(content) ?? []
      if (value === undefined) throw new TypeError('A line of the .ini text is no "key = value"')
      last = { key: key.trim(), indent }
      options.set(last.key, value.trim())
    }
  }
  return Object.fromEntries(options)
}
