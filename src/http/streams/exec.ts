import { AmphoraError } from '../../lib/errors.ts';
import type { StreamHandler } from './all.ts';
export const exec: StreamHandler = async () => {
  throw new AmphoraError('NotImplemented', 'exec');
};
export const attach: StreamHandler = exec;
