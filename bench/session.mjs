/** The session that everything is measured with: a cookie of about 500 bytes as `bsZ`. */
export const secret = 'a secret of 32 bytes, and more of it'

export const now = new Date('2026-01-15T10:20:30.250Z')

/** Only what JSON has too, so that peers without dates and bytes carry the same. */
export const data = {
  user: { id: 4711, name: 'Ada Lovelace', email: 'ada@example.org', roles: ['admin', 'editor'] },
  locale: 'en-GB',
  theme: 'dark',
  cart: [
    { sku: 'A-1001', quantity: 2, price: 19.99 },
    { sku: 'B-77', quantity: 1, price: 5.5 },
  ],
  lastLogin: '2026-01-15T08:00:00Z',
}

export const meta = { id: 'f00dcafe'.repeat(4), createdAt: new Date('2026-01-15T08:00:00.125Z'), accessedAt: now }

/** The same with Beaker's own keys, as Python holds it. */
export const beakerSession = {
  _id: meta.id,
  ...data,
  _creation_time: meta.createdAt.getTime() / 1000,
  _accessed_time: meta.accessedAt.getTime() / 1000,
}
