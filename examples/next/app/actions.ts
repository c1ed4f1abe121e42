'use server'

import { redirect } from 'next/navigation'
import { change, sessions } from '../lib/sessions'

export async function signIn(form: FormData): Promise<void> {
  const user = String(form.get('user') ?? '').trim()
  await change((session) => {
    session.regenerate() // a new id at sign-in
    if (user !== '') session.data.user = user
  })
  redirect('/')
}

/** Without a redirect: the same answer has the cookie and the page that was rendered with it. */
export async function rename(form: FormData): Promise<void> {
  await change(({ data }) => {
    if (data.user !== undefined) data.user = String(form.get('user'))
  })
}

export async function signOut(): Promise<void> {
  await change((session) => sessions.destroy(session))
}
