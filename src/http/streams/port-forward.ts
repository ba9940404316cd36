import { AmphoraError } from '../../lib/errors.ts';
import type { StreamHandler } from './all.ts';
export const portForward: StreamHandler = async () => {
  throw new AmphoraError('NotImplemented', 'exec');
};
