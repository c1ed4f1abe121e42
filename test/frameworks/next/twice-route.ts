/** Put into the application of Next as app/twice/route.ts: changes at the same time, and one inside another. */
import { change, read } from '../../lib/sessions'

export async function GET(): Promise<Response> {
  const visit = () =>
    change(async ({ data }) => {
      const visits = data.visits ?? 0
      data.visits = visits + 1
    })
  await Promise.all([change(({ data }) => void Object.assign(data, { user: 'dave' })), visit()])
  await change(visit)
  const { data } = await read()
  return Response.json(data)
}
