/**
 * What server and page agree on. Both import this very file: URLs of the demo are the paths of the repository.
 */
import { defineSession } from '../../../dist/shared/index.js'

/**
 * @typedef {{ name: string, roles: string[] }} User
 * @typedef {{ user?: User, visits?: number } & Record<string, unknown>} DemoSession
 */

/** @type {import('../../../dist/shared/index.js').SessionDefinition<DemoSession>} */
export const demoSession = defineSession({ name: 'beaker.session.id', idleTimeout: '30m', absoluteTimeout: '90d' })
