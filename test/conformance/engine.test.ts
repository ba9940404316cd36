import { engineConformance } from './engine.ts';
import { fakeHarness } from './engine-fake.ts';
import { ociHarness } from './engine-oci.ts';

engineConformance(fakeHarness());
engineConformance(ociHarness('runc'));
engineConformance(ociHarness('runsc'));
