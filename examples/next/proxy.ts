/** Runs before each page: counts the visits, which the page of the same request shows already. */
import { NextResponse } from 'next/server'
import { nextProxy } from 'sessionglass/server'
import { sessions } from './lib/sessions'

export const proxy = nextProxy(sessions, NextResponse, (_request, { data }) => {
  if (data.user !== undefined) data.visits = (data.visits ?? 0) + 1
})

export const config = { matcher: ['/'] }
