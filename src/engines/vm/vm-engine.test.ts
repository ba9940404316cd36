import { engineConformance } from '../../../test/conformance/engine.ts';
import { vmHarness } from '../../../test/conformance/vm-harness.ts';

engineConformance(await vmHarness());
