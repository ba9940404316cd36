import { engineConformance } from './engine.ts';
import { ociHarness } from './engine-oci.ts';

engineConformance(ociHarness('runc'));
engineConformance(ociHarness('runsc'));
