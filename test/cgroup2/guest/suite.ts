import { engineConformance } from '../../conformance/engine.ts';
import type { EngineHarness } from '../../conformance/engine-harness.ts';
import { ociHarness } from '../../conformance/engine-oci.ts';
import { limitTests } from '../limits.ts';

engineConformance(harness());
limitTests(harness(), 2);

/** The engine's own; the tests that kill a process of ours need files that the guest does not have. */
function harness(): EngineHarness {
  const { child: _, ...rest } = ociHarness('runc');
  return rest;
}
