import type { Client } from '../client/client.ts';
import type { NodeActions } from '../client/node-actions.ts';
import type { Progress } from './progress.ts';

/** What the verbs ask of the machine they run on. The composition root implements it; the verbs only talk and print. */
export interface Platform {
  /** Sets up what is missing and starts both processes; does nothing for what already runs. */
  up(options: UpOptions, progress: Progress, signal: AbortSignal): Promise<void>;
  /** Stops both processes; workloads go on running unless `purge` removes everything Amphora made on this machine. */
  down(options: { readonly purge: boolean }, progress: Progress, signal: AbortSignal): Promise<void>;
  status(signal: AbortSignal): Promise<PlatformStatus>;
  doctor(signal: AbortSignal): Promise<readonly Finding[]>;
  /** Distribution packages that are missing here. */
  missingPackages(): Promise<readonly { readonly package: string; readonly for: string }[]>;
  installMissingPackages(signal: AbortSignal): Promise<void>;
  /** Kernel of the guest, guest program, unprivileged helpers: what is unpacked or built once, in our own directories. */
  prepareGuest(signal: AbortSignal): Promise<void>;
  /** Makes the sample image from the distribution's own files and imports it. */
  importSampleImage(signal: AbortSignal): Promise<string>;
  /** What can be done with the store of the instance. */
  readonly store: StoreTools;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** As the administrator. */
  connect(): Promise<Client & NodeActions>;
}

/** Where etcd is. What is left out is as before. */
export interface EtcdFlags {
  readonly etcdServers?: readonly string[];
  readonly etcdPrefix?: string;
  /** Paths of PEM files. */
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
}

/** Paths of files. What is left out is as before; an empty one takes it back. */
export interface AccessFlags {
  readonly authenticationConfig?: string;
  readonly authenticationTokenWebhookConfig?: string;
  readonly authorizationWebhookConfig?: string;
  readonly auditPolicy?: string;
  readonly auditLog?: string;
  readonly auditWebhookConfig?: string;
}

export interface UpOptions extends EtcdFlags, AccessFlags {
  readonly port?: number;
  readonly host?: string;
  readonly nodeName?: string;
  readonly podCidr?: string;
  readonly store?: 'lmdb' | 'memory' | 'etcd';
  /** A directory with the authority and the token key of other servers of the same cluster. */
  readonly pki?: string;
  readonly foreground: boolean;
}

export interface PlatformStatus {
  readonly version: string;
  readonly server: ProcessStatus;
  readonly node: ProcessStatus;
}

export interface ProcessStatus {
  readonly running: boolean;
  readonly pid?: number;
  /** Resident bytes. */
  readonly memoryBytes?: number;
  /** Milliseconds since it started. */
  readonly uptimeMs?: number;
}

/** One thing `doctor` looked at. */
export interface Finding {
  readonly subject: string;
  readonly ok: boolean;
  /** What was found. */
  readonly found: string;
  /** How to get what is missing; empty when nothing is. */
  readonly remedy: string;
}

/** Long work: it can be stopped, and tells how far it is. */
export interface LongWork {
  readonly signal: AbortSignal;
  readonly report: (done: number, of: number) => void;
}

export interface StoreTools {
  /** Writes the store as it is at one revision to a file, while the server may run. */
  backup(
    file: string,
    work: LongWork,
  ): Promise<{
    readonly path: string;
    readonly objects: number;
    readonly revision: number;
    readonly bytes: number;
  }>;
  /** @throws Corrupt before anything is changed; Conflict when there are objects and `force` is not said, or the server runs */
  restore(
    file: string,
    work: LongWork & { readonly force: boolean },
  ): Promise<{ readonly objects: number; readonly revision: number }>;
  /** Of a backup, or of the instance's store where no file is named; the server may run. */
  check(file: string | undefined, work: LongWork): Promise<StoreCheck>;
  /** Moves every object to another driver's store, which the next `up` uses. The old one stays as it is. */
  migrate(
    wanted: EtcdFlags & { readonly to: 'lmdb' | 'etcd' },
    work: LongWork & { readonly force: boolean },
  ): Promise<{ readonly objects: number; readonly revision: number }>;
}

/** What a walk over a whole store found. */
export interface StoreCheck {
  readonly source: string;
  readonly revision: number;
  readonly objects: number;
  readonly bytes: number;
  readonly events: number;
  /** Objects of each resource. */
  readonly resources: Readonly<Record<string, number>>;
  readonly faultCount: number;
  /** The first of them. */
  readonly faults: readonly string[];
}
