import { getSession } from 'sessionglass/client'

console.log(getSession())
