/** Beaker's own cookies on Node: the current Beaker and the oldest that runs. */
import { beakerSuite } from './beaker.suite.js'

beakerSuite(120)
beakerSuite(40, 'oldest-beaker')
