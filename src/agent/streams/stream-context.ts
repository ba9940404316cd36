import type { Engine } from '../../engines/engine.ts';
import type { PodRecord } from '../pod/record.ts';

export interface LocatedContainer {
  readonly record: PodRecord;
  readonly engine: Engine;
  /** The newest attempt; absent while it never started. */
  readonly attempt?: number;
  readonly logPath: (attempt: number) => string;
}

/** How streams find what they are about. */
export interface StreamContext {
  find(
    pod: { readonly namespace: string; readonly pod: string; readonly uid?: string },
    container: string,
  ): LocatedContainer | undefined;
  sandboxes(): readonly { readonly record: PodRecord; readonly engine: Engine }[];
}
