import type { Volume } from '../api/types.generated.ts';
import { AmphoraError } from '../lib/errors.ts';
import { makeConfigMap } from './config-map.ts';
import { makeDownwardApi } from './downward-api.ts';
import { makeEmptyDir } from './empty-dir.ts';
import { makeHostPath } from './host-path.ts';
import { makeProjected } from './projected.ts';
import { makeSecret } from './secret.ts';
import type { VolumeMaker } from './volume-kind.ts';

/** Every kind of volume this node makes, by the field of `spec.volumes[]` that names it. */
const MAKERS: ReadonlyMap<string, VolumeMaker> = new Map([
  ['emptyDir', makeEmptyDir],
  ['hostPath', makeHostPath],
  ['configMap', makeConfigMap],
  ['secret', makeSecret],
  ['downwardAPI', makeDownwardApi],
  ['projected', makeProjected],
]);

/** @throws NotImplemented naming the kind when there is no maker for it. */
export function makerOf(volume: Volume): VolumeMaker {
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';
  const maker = MAKERS.get(kind);
  if (maker !== undefined) return maker;
  throw new AmphoraError(
    'NotImplemented',
    `volume ${JSON.stringify(volume.name)} is of kind ${kind}, which this node does not support; use one of ${[...MAKERS.keys()].join(', ')}`,
  );
}
