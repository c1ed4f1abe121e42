/** Put into the application of Next as app/wrong/page.tsx: a server component that tries to change the session. */
import { change, read } from '../../lib/sessions'

export const dynamic = 'force-dynamic'

export default async function Page() {
  const session = await read()
  const errors: string[] = []
  try {
    // @ts-expect-error its type has nothing to assign to
    session.data.user = 'eve'
  } catch (error) {
    errors.push(String(error))
  }
  try {
    await change(({ data }) => {
      data.user = 'eve'
    })
  } catch (error) {
    errors.push(String(error))
  }
  return (
    <ul>
      {errors.map((error, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two errors may be equal, and their order stays
        <li key={index}>{error}</li>
      ))}
    </ul>
  )
}
