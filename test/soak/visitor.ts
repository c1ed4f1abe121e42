/** A visitor: a browser that knows what its session has to say, and complains about everything else. */
import { CookieJar, type Reply, send } from './client.js'
import { Expected, LATE, type Problem, type Write } from './expected.js'
import { type Action, type Fault, type FaultName, faults } from './faults.js'
import type { SystemInfo } from './systems.js'

/** Where a visitor lives, and whom it tells. */
export interface World {
  readonly system: SystemInfo
  /** One of each adapter. */
  readonly ports: readonly number[]
  /** From 0 up to 1, 1 not included. */
  random(): number
  /** The outages of the system's database so far; a fraction while there is one. */
  outages(): number
  isOver(): boolean
  /** A request, with the status or the code that came back. */
  answered(result: string): void
  began(): void
  complain(problem: Problem | { what: 'failed'; text: string }): void
}

interface Sent {
  fault?: FaultName | undefined
  write?: Write | undefined
  jar?: CookieJar
}

const KEYS = ['a', 'b', 'c', 'd']
/** For several requests at once, each with its own. */
const BURST_KEYS = ['p', 'q', 'r']
/** More characters than fit into one cookie. */
const BIG = 4000
/** How many things a visitor does on average. */
const STAY = 25
const FAULT_RATE = 0.4
/** Requests that are told with a complaint. */
const MAX_HISTORY = 12
const NO_FAULT: Fault = { actions: [] }

export class Visitor {
  readonly #id: string
  readonly #world: World
  readonly #jar = new CookieJar()
  readonly #expected: Expected
  readonly #history: string[] = []
  #writes = 0

  /** @param number - in this soak */
  constructor(number: number, world: World) {
    this.#id = `visitor-${number}`
    this.#world = world
    this.#expected = new Expected(this.#id, world.system.hasStore)
  }

  /** Until the visitor goes or the soak is over. */
  async live(): Promise<void> {
    for (let stays = true; stays && !this.#world.isOver(); stays &&= this.#world.random() > 1 / STAY) {
      const chance = this.#world.random()
      if (this.#expected.isEmpty) await this.#begin()
      // Whatever is unknown is settled first.
      else if (this.#expected.mayBeGone) await this.#request('look', {})
      else if (chance < 0.3) await this.#act('look')
      else if (chance < 0.65) await this.#act('write')
      else if (chance < 0.8) await this.#several()
      else if (chance < 0.92) await this.#act('login')
      else if (chance < 0.97) await this.#act('logout')
      else {
        await this.#collide()
        return
      }
    }
    await this.#request('look', {})
  }

  async #begin(): Promise<void> {
    await this.#request('write', { write: this.#newWrite(KEYS) })
    this.#world.began()
  }

  async #act(action: Action): Promise<void> {
    const { system, random } = this.#world
    const fault = random() < FAULT_RATE ? this.#pickFault(action) : undefined
    const keys = fault === 'abort' ? [LATE] : system.isLarge && random() < 0.1 ? ['big'] : KEYS
    const before = this.#jar.copy()
    if (action === 'look' || action === 'logout') await this.#request(action, { fault })
    else await this.#request(action, { fault, write: this.#newWrite(action === 'login' ? ['user'] : keys) })
    const isChange = action === 'login' || action === 'logout'
    if (isChange && this.#isDone && system.hasStore && !(fault && faults[fault].ends))
      await this.#tryOld(before, action)
  }

  /** Whether the last request was carried out. */
  #isDone = false

  /** In a store, the cookie from before a sign-in or sign-out is worth nothing. */
  async #tryOld(jar: CookieJar, action: Action): Promise<void> {
    const outages = this.#world.outages()
    const { status, data = {}, code } = (await this.#send('look', { jar })) as Reply
    if (status !== 200) this.#failed(`${status} ${code} for an old cookie`, outages)
    if (Object.keys(data).length === 0) return
    this.#complain({ what: 'lost', text: `${this.#id}: the cookie from before the ${action} still has a session` })
  }

  #pickFault(action: Action): FaultName | undefined {
    const { hasStore, hasUpdate } = this.#world.system
    const names = (Object.keys(faults) as FaultName[]).filter((name) => {
      const { actions, needs } = faults[name]
      return actions.includes(action) && (needs === 'update' ? hasUpdate : needs !== 'store' || hasStore)
    })
    return this.#pick(names)
  }

  /** One request, and nothing else until its answer is there. */
  async #request(action: Action, { fault: name, write }: Sent): Promise<void> {
    const fault = name === undefined ? NO_FAULT : faults[name]
    const outages = this.#world.outages()
    const reply = await this.#send(action, { fault: name, write })
    this.#isDone = reply?.status === 200
    if (!reply) {
      if (write) this.#expected.mayBe(write)
    } else if (reply.status === 200) this.#succeeded(action, fault, { reply, write })
    else {
      const isAway = this.#isAway(outages)
      if (!fault.fails) this.#failed(`${action}: ${reply.status} ${reply.code}`, outages)
      if (fault.fails !== 'unchanged' || isAway) this.#mayHaveSucceeded(action, write)
    }
  }

  #succeeded(action: Action, fault: Fault, { reply, write }: { reply: Reply; write: Write | undefined }): void {
    const { data = {} } = reply
    if (fault.shows === 'older') this.#complain(...this.#expected.findOthers(data))
    else if (fault.shows !== 'nothing') this.#complain(...this.#expected.compare(data, reply.rejected))
    else if (Object.keys(data).length > 0)
      this.#failed(`${action} shows a session in spite of ${JSON.stringify(fault)}`)
    if (fault.ends?.includes(action) || action === 'logout') this.#expected.isGone()
    if (write) this.#expected.is(write)
  }

  #mayHaveSucceeded(action: Action, write: Write | undefined): void {
    if (this.#expected.isEmpty || action === 'login' || action === 'logout') this.#expected.mayBeGone = true
    if (write) this.#expected.mayBe(write)
  }

  /** A page that sends several requests at once, each of which writes its own key. */
  async #several(): Promise<void> {
    const outages = this.#world.outages()
    const writes = BURST_KEYS.slice(0, 2 + Math.floor(this.#world.random() * 2)).map((key) => this.#newWrite([key]))
    for (const write of writes) this.#expected.mayBe(write)
    const requests = this.#world.random() < 0.5 ? [...writes, undefined] : writes
    const done = await Promise.all(
      requests.map(async (write) => {
        const reply = (await this.#send(write ? 'write' : 'look', { write })) as Reply
        return { write, reply }
      }),
    )
    for (const { write, reply } of done) {
      if (reply.status !== 200) this.#failed(`${reply.status} ${reply.code} of several`, outages)
      this.#complain(...this.#expected.findOthers(reply.data ?? {}))
      // Without a store, the cookie that came last is all there is.
      const counts = this.#world.system.hasStore || this.#jar.setBy?.endsWith(`=${write?.value}`)
      if (write && reply.status === 200 && counts) this.#expected.is(write)
    }
  }

  /** Signs in or out while other requests are under way: they may lose, but only to the same visitor. */
  async #collide(): Promise<void> {
    const outages = this.#world.outages()
    const writes = BURST_KEYS.map((key) => this.#send('write', { write: this.#newWrite([key]) }))
    const change = this.#send(this.#pick(['login', 'logout']), {})
    for (const reply of (await Promise.all([...writes, change])) as Reply[]) {
      if (reply.status !== 200) this.#failed(`${reply.status} ${reply.code} in a collision`, outages)
      this.#complain(...this.#expected.findOthers(reply.data ?? {}))
    }
    const { data = {} } = (await this.#send('look', {})) as Reply
    this.#complain(...this.#expected.findOthers(data))
  }

  async #send(action: Action, { fault, write, jar = this.#jar }: Sent): Promise<Reply | undefined> {
    const { random, ports, answered } = this.#world
    const leaves = fault === 'leave'
    const at = fault === 'slow' ? Math.floor(random() * 30) : 1 + Math.floor(random() * 4)
    const query = new URLSearchParams(leaves || random() < 0.05 ? { stream: '' } : {})
    if (write) for (const [name, value] of Object.entries({ owner: this.#id, ...write })) query.set(name, value)
    const reply = await send({
      port: this.#pick(ports),
      // The value is the end of it.
      path: `/${action}?${query}`,
      jar,
      leaves,
      ...(fault && { fault: `${fault}:${at}` }),
      ...(fault === 'abort' && { abortAfter: random() * 15 }),
    }).catch((error): Reply => ({ status: 0, code: String(error) }))
    const result = reply ? (reply.code ?? reply.rejected ?? String(reply.status)) : 'aborted'
    answered(result)
    this.#note([action, write && `${write.key}=${write.value.slice(0, 20)}`, fault && `${fault}:${at}`, result])
    return reply
  }

  /** What led to a complaint is told with it. */
  #note(parts: readonly (string | undefined)[]): void {
    this.#history.push(parts.filter((part) => part).join(' '))
    if (this.#history.length > MAX_HISTORY) this.#history.shift()
  }

  #newWrite(keys: readonly string[]): Write {
    const key = this.#pick(keys)
    const value = `${this.#id}:${++this.#writes}`
    return { key, value: key === 'big' ? value.padEnd(BIG, randomText(this.#world.random)) : value }
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#world.random() * list.length)] as T
  }

  #isAway(since: number): boolean {
    const now = this.#world.outages()
    return now !== since || !Number.isInteger(now)
  }

  /** @param since - the outages at that time: one of them since explains it */
  #failed(text: string, since?: number): void {
    if (since === undefined || !this.#isAway(since)) this.#complain({ what: 'failed', text: `${this.#id}: ${text}` })
  }

  #complain(...problems: (Problem | { what: 'failed'; text: string })[]): void {
    const { system, complain } = this.#world
    const history = this.#history.map((line) => `\n    ${line}`).join('')
    for (const { what, text } of problems)
      complain({ what, text: `${system.name}: ${text}, after${history}` } as Problem)
  }
}

/** Text that compresses badly. */
function randomText(random: () => number): string {
  return Array.from({ length: BIG / 10 }, () => random().toString(36).slice(2, 12)).join('')
}
