/** Beaker's own cookies on the web platform. */
import { beakerSuite } from './beaker.suite.js'

beakerSuite(20)
