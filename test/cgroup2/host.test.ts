import { existsSync } from 'node:fs';
import { ociHarness } from '../conformance/engine-oci.ts';
import { limitTests } from './limits.ts';

limitTests(ociHarness('runc'), existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1);
