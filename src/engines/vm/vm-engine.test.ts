import { engineConformance } from '../../../test/conformance/engine.ts';
import { vmHarness } from './test-harness.ts';

engineConformance(await vmHarness());
