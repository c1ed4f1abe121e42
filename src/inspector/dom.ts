/**
 * Elements of the page. What a cookie says only ever becomes text: nothing here takes HTML.
 */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>
export type Child = Node | string | false | undefined

/**
 * Makes an element.
 *
 * @param attributes - `true` is an attribute without a value; `false` and `undefined` leave it out
 * @param children - text stays text
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...children.filter((child): child is Node | string => child !== false && child !== undefined))
  return made
}

/** The element of the page with this id. */
export function byId<Element extends HTMLElement = HTMLElement>(id: string): Element {
  return document.getElementById(id) as Element
}

/** A part of a card with its heading. */
export function section(title: string, ...children: readonly Child[]): HTMLElement {
  return element('section', { class: 'part' }, element('h3', {}, title), ...children)
}

/** A table of names and values, as a description list. */
export function rows(entries: readonly (readonly [name: string, value: Child | readonly Child[]])[]): HTMLElement {
  return element(
    'dl',
    { class: 'rows' },
    ...entries.map(([name, value]) =>
      element(
        'div',
        {},
        element('dt', {}, name),
        element('dd', {}, ...(Array.isArray(value) ? (value as readonly Child[]) : [value as Child])),
      ),
    ),
  )
}

/** A button that does not submit anything. */
export function button(label: string, onClick: () => void, className = ''): HTMLButtonElement {
  const made = element('button', { type: 'button', class: className || undefined }, label)
  made.addEventListener('click', onClick)
  return made
}

/** A button that copies a text, and says so. */
export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const made = button(label, () => {
    copy(text()).then(
      () => say('Copied'),
      () => say('The browser did not let this page copy: select the text and copy it'),
    )
  })
  return made
}

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  throw new Error('There is no clipboard')
}

/** Tells something that changed, on the screen and to a screen reader. */
export function say(text: string): void {
  byId('status').textContent = text
}
